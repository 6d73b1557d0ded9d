#pragma once

/// \file
/// Servers of datagrams, whatever their address family.

#include <socketserver/base_server.hpp>
#include <socketserver/net/datagram.hpp>

#include <optional>
#include <utility>

namespace socketserver {

extern template class BaseServer<Datagram>;

/// A server whose requests are datagrams; what UDPServer and UnixDatagramServer have in common. Not a stream server that
/// lacks connections: the two share what BaseServer is.
///
/// Owns: its socket, which all requests use to reply, and the file of a Unix address. Thread and life: see
/// ServerLoop.
class DatagramServer : public BaseServer<Datagram> {
public:
    using BaseServer::BaseServer;

    /// Makes the socket and binds it (bind(2)), as StreamServer::server_bind() does. On a wildcard address replies leave
    /// from the address that the client had contacted.
    /// \throw boost::system::system_error if it cannot be bound, naming the address
    void server_bind() override;

    /// Makes the socket ready to be received from.
    void server_activate() override;

protected:
    /// Receives a datagram (recvfrom(2), recvmsg(2)).
    std::optional<std::pair<Datagram, Address>> get_request() override;

    /// Does nothing: a datagram holds nothing that must be given back.
    void close_request(Datagram& request) override;

private:
    Datagram::Tracked tracked_ = Datagram::Tracked::no;
};

}  // namespace socketserver
