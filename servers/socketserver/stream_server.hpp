#pragma once

/// \file
/// Servers of connections, whatever their address family.

#include <socketserver/base_server.hpp>

#include <optional>
#include <utility>

namespace socketserver {

/// A server that listens and accepts connections; what TCPServer and UnixStreamServer have in common.
///
/// Owns: the listening socket, and the file of a Unix address. Thread and life: see ServerLoop.
class StreamServer : public BaseServer<Socket> {
public:
    using BaseServer::BaseServer;

    /// Makes the socket and binds it (bind(2)). The file that a former server left at a Unix path is removed, if
    /// nobody listens on it any more.
    /// \throw boost::system::system_error if it cannot be bound, naming the address
    void server_bind() override;

    /// Lets the socket accept connections (listen(2)).
    /// \throw boost::system::system_error if it cannot
    void server_activate() override;

protected:
    /// Accepts a connection (accept4(2)).
    std::optional<std::pair<Socket, Address>> get_request() override;

    /// Shuts the connection down for writing, then calls close_request().
    void shutdown_request(Socket& request) override;

    /// Closes the connection.
    void close_request(Socket& request) override;
};

}  // namespace socketserver
