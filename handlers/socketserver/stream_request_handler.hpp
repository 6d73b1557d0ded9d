#pragma once

/// \file
/// Handlers of connections.

#include <socketserver/base_request_handler.hpp>
#include <socketserver/net/buffered_reader.hpp>
#include <socketserver/net/buffered_writer.hpp>
#include <socketserver/net/socket.hpp>

#include <chrono>
#include <cstddef>
#include <optional>

namespace socketserver {

/// A handler of a connection, with files to read and write it by.
///
/// \snippet test/handlers/snippets.cpp stream_handler
///
/// Reading and writing are tied: what has been written to wfile leaves before rfile waits for more, and when handle() ends. See
/// BufferedWriter. Thread and life: see BaseRequestHandler.
class StreamRequestHandler : public BaseRequestHandler<Socket> {
public:
    /// See BaseRequestHandler.
    StreamRequestHandler(Socket& the_request, const Address& client, ServerContext& the_server);

    /// Applies the attributes below to the connection.
    void setup() override;

    /// Sends what is pending.
    /// \throw boost::system::system_error if the peer does not take it
    void finish() override;

protected:
    // Attributes that a subclass sets in its constructor, or before it calls this class's setup().

    // The limits of time are at first what the server's options say (ConnectionOptions): none, as in Python, unless told
    // otherwise. When one runs out, the operation throws with ETIMEDOUT and a message that says which.

    /// How long each operation on the connection may wait.
    std::optional<std::chrono::nanoseconds> timeout;

    /// How long rfile may wait for the first byte of a line; none: timeout.
    std::optional<std::chrono::nanoseconds> idle_timeout;

    /// How long a line may take from when a part of it has come until its end. See BufferedReader::set_line_timeout(); for a
    /// request of several lines there is BufferedReader::set_deadline().
    std::optional<std::chrono::nanoseconds> line_timeout;

    /// How long the peer may take to accept all of one write: of a buffer full of wfile, or of what the connection itself is
    /// given; none: timeout.
    std::optional<std::chrono::nanoseconds> write_timeout;

    /// The size of rfile's buffer, in bytes; 0: nothing past a line is taken.
    std::size_t rbufsize = BufferedReader::default_buffer_size;

    /// How much wfile may keep before it sends, in bytes; 0: every write is sent at once, as in Python.
    std::size_t wbufsize = BufferedWriter::default_buffer_size;

    /// Whether small pieces are sent without waiting for earlier ones to be acknowledged (TCP_NODELAY, tcp(7)).
    bool disable_nagle_algorithm = true;

    BufferedReader rfile;  ///< reads the connection
    BufferedWriter wfile;  ///< writes the connection
};

}  // namespace socketserver
