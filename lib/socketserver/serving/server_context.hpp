#pragma once

/// \file
/// What a handler may see of its server.

#include <socketserver/net/address.hpp>
#include <socketserver/serving/log.hpp>
#include <socketserver/serving/statistics.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

namespace socketserver {

/// What a server asks of the handlers of its connections; they apply it in setup(), and may decide otherwise.
struct ConnectionOptions {
    /// How long each operation on the connection may wait; none: as long as it takes, as in Python.
    std::optional<std::chrono::nanoseconds> timeout = {};
    /// How long a connection may wait for the first byte of its next line or request; none: `timeout`.
    std::optional<std::chrono::nanoseconds> idle_timeout = {};
    /// How long a line may take from when a part of it has come until its end, in however many pieces; none: as long as `timeout`
    /// allows between two pieces, so that who sends a byte now and then may go on for ever.
    std::optional<std::chrono::nanoseconds> line_timeout = {};
    /// How long the peer may take to accept what one write sends, in however many pieces; none: `timeout`.
    std::optional<std::chrono::nanoseconds> write_timeout = {};
    /// After how many lines read a connection ends; 0: no bound.
    std::size_t max_lines = 0;
};

/// A server as its handlers see it.
///
/// Thread: any; under a forking server also in the child that runs the handler. Outlives every handler.
class ServerContext {
public:
    virtual ~ServerContext() = default;
    ServerContext(const ServerContext&) = delete;
    ServerContext& operator=(const ServerContext&) = delete;

    /// The address it is bound to, with the port that the system chose; unnamed before it is bound.
    [[nodiscard]] virtual const Address& server_address() const noexcept = 0;

    /// What it has counted so far, over all threads and children.
    [[nodiscard]] virtual Statistics statistics() const noexcept = 0;

    /// What it asks of the handlers of its connections.
    [[nodiscard]] virtual const ConnectionOptions& connection_options() const noexcept = 0;

    /// Whether running requests are asked to end: a handler that goes on by itself looks now and then.
    [[nodiscard]] virtual bool stopping() const noexcept = 0;

    /// Asks serve_forever() to return, and does not wait for it. Async-signal-safe. If the server is not serving, its next
    /// serve_forever() returns at once.
    virtual void request_shutdown() noexcept = 0;

    /// Hands a message to the server's logger.
    /// \param severity how much it matters
    /// \param message one line, without line end; what cannot be printed in it comes to the logger as printable() makes it
    virtual void log(Severity severity, std::string_view message) const noexcept = 0;

protected:
    ServerContext() = default;
};

}  // namespace socketserver
