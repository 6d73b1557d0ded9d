#pragma once

/// \file
/// Event-style handlers of connections: called for what happens, in the manner of Twisted and asyncio.

#include <socketserver/base_request_handler.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/os/deadline.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/transport.hpp>

#include <chrono>
#include <optional>
#include <string_view>

namespace socketserver {

class ProtocolFactory;

/// A connection's protocol, as callbacks.
///
/// \snippet test/handlers/snippets.cpp protocol
///
///     connection_made ─▶ data_received ... ─▶ eof_received ─▶ connection_lost
///                              └── lose_connection(), an error, a time-out, the server's end ──▶ ┘
///
/// The same object runs under every concurrency. Under Selecting it needs no fiber, no stack and no buffer while it waits for
/// input; a callback may wait all the same, as any handler may: it is given a fiber for as long as it runs. No two
/// callbacks of a protocol run at once.
///
/// A callback that throws ends the connection: what was written before leaves, connection_lost() is called, and the
/// server tells of the error (handle_error). Thread and life: see BaseRequestHandler.
class Protocol : public BaseRequestHandler<Socket> {
public:
    /// See BaseRequestHandler.
    Protocol(Socket& the_request, const Address& client, ServerContext& the_server);

    /// Of a factory, which counts it; see WithFactory.
    /// \param the_request the connection
    /// \param client the peer
    /// \param the_server the server
    /// \param factory what all protocols of the server share; must outlive this object
    Protocol(Socket& the_request, const Address& client, ServerContext& the_server, ProtocolFactory& factory);

    /// See BaseRequestHandler.
    template <class Handler>
    static constexpr void check_overrides() {
        BaseRequestHandler::check_overrides<Handler>();
        static_assert(
            !requires { &Handler::connection_made; } ||
                requires { static_cast<void (Handler::*)()>(&Handler::connection_made); },
            "connection_made() of this protocol overrides nothing: it must be void connection_made() override");
        static_assert(
            !requires { &Handler::data_received; } ||
                requires { static_cast<void (Handler::*)(std::string_view)>(&Handler::data_received); },
            "data_received() of this protocol overrides nothing: it must be void data_received(std::string_view) "
            "override");
        static_assert(
            !requires { &Handler::eof_received; } ||
                requires { static_cast<void (Handler::*)()>(&Handler::eof_received); },
            "eof_received() of this protocol overrides nothing: it must be void eof_received() override");
        static_assert(
            !requires { &Handler::connection_lost; } ||
                requires { static_cast<void (Handler::*)(const error_code&)>(&Handler::connection_lost); },
            "connection_lost() of this protocol overrides nothing: it must be void connection_lost(const "
            "ss::error_code&) override");
    }

    /// Called first, once.
    virtual void connection_made() {}

    /// Called for input.
    /// \param data what has come, at least one byte, in pieces that mean nothing; valid until the callback returns
    virtual void data_received([[maybe_unused]] std::string_view data) {}

    /// Called when the peer will send no more. What this callback writes still leaves; then the connection ends. Not
    /// called if it ends otherwise, nor if the server stops.
    virtual void eof_received() {}

    /// Called last, once for each connection_made(), also if that threw. What it writes goes nowhere.
    /// \param reason why the connection has ended: no error after the peer's end of stream, lose_connection() or a stop of the
    ///   server; ETIMEDOUT; ECANCELED if the server cuts the request; ECONNABORTED after abort() or if a callback threw something
    ///   other than a system_error; else the error of reading, of writing, or that a callback threw
    virtual void connection_lost([[maybe_unused]] const error_code& reason) {}

    // What servers call (EventHandler).

    /// Applies the attributes below, and calls connection_made().
    void setup() override;
    /// Whether connection_made() has left the connection open.
    [[nodiscard]] bool expects_input() const noexcept { return !transport.closing(); }
    /// Until when to wait for input.
    [[nodiscard]] virtual Deadline input_deadline() const;
    /// Says which limit of time has run out.
    /// \throw boost::system::system_error with ETIMEDOUT
    [[noreturn]] virtual void input_timed_out() const;
    /// Reads once, and calls data_received() or eof_received().
    bool input_ready();
    /// Calls connection_lost(), unless that has been done.
    void finish() override;

protected:
    // The limits of time are at first what the server's options say (ConnectionOptions). When one runs out the connection is
    // lost with ETIMEDOUT. To be set in the constructor.

    /// How long to wait for input, and for the peer to take output.
    std::optional<std::chrono::nanoseconds> timeout;

    /// How long to wait for input, of LineProtocol for that of the next line; none: timeout.
    std::optional<std::chrono::nanoseconds> idle_timeout;

    /// How long the peer may take to accept all that a callback has written; none: timeout.
    std::optional<std::chrono::nanoseconds> write_timeout;

    Transport transport;  ///< the connection, to write to and to end

private:
    template <class Callback>
    void in_turn(Callback callback);
    void receive();
    void end_turn(BufferedWriter& writer);
    void discard_input();
    void reset_connection() noexcept;
    void lose(const error_code& reason);

    ProtocolFactory* factory_ = nullptr;
    bool connected_ = false;        // connection_made() has been called, connection_lost() has not
    bool input_has_ended_ = false;  // the peer's end of stream has been read
};

}  // namespace socketserver
