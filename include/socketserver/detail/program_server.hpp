#pragma once

/// \file
/// The server of a program, whatever its mode and address: made here once, for all handlers.

#include <socketserver/detail/command_line.hpp>
#include <socketserver/detail/protocol.hpp>
#include <socketserver/net/address.hpp>
#include <socketserver/os/signals.hpp>
#include <socketserver/server_loop.hpp>
#include <socketserver/server_options.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

namespace socketserver::detail {

/// A server that signals end. Closed by its destructor.
class ProgramServer {
public:
    ProgramServer() = default;
    ProgramServer(const ProgramServer&) = delete;
    ProgramServer& operator=(const ProgramServer&) = delete;
    virtual ~ProgramServer() = default;

    /// The server itself.
    [[nodiscard]] virtual ServerLoop& loop() noexcept = 0;

    /// Asks the loop and running requests to end, but for connections on which nothing has come yet. Thread: any.
    virtual void stop() noexcept = 0;

    /// How long these have.
    [[nodiscard]] virtual std::chrono::nanoseconds grace() const noexcept = 0;

    /// Asks them to end, too. Thread: any.
    virtual void end_grace() noexcept = 0;

    /// Ends running requests by force, as far as they wait for something. Thread: any.
    virtual void cut() noexcept = 0;

    /// Whether the server looks after signals itself; otherwise a ShutdownThread must.
    [[nodiscard]] virtual bool takes_signals() const noexcept { return false; }

    /// How many requests it cut short because of a second signal.
    [[nodiscard]] virtual std::uint64_t cut_short() const noexcept { return 0; }
};

/// Makes a server and binds it.
/// \param protocol what to serve; must outlive the server
/// \param line the mode, and whether datagrams are served
/// \param address where
/// \param options how
/// \param signals SIGINT and SIGTERM; must outlive the server
/// \throw boost::system::system_error if it cannot be bound
[[nodiscard]] std::unique_ptr<ProgramServer> make_server(const Protocol& protocol, const CommandLine& line,
                                                         const Address& address, const ServerOptions& options,
                                                         const SignalFd& signals);

}  // namespace socketserver::detail
