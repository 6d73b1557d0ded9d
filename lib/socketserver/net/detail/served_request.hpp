#pragma once

/// \file
/// The server's side of a socket.

#include <socketserver/net/request_limit.hpp>
#include <socketserver/net/socket_base.hpp>

#include <memory>
#include <utility>

namespace socketserver {
class RequestRegistry;
}  // namespace socketserver

namespace socketserver::detail {

/// What a server does with its socket and with the connections and datagrams of its requests, and nobody else. Thread: the context that
/// serves the request.
struct ServedRequest {
    /// Enters a connection into the registry of the server that serves it, until just before it is closed.
    /// \param connection it
    /// \param registry must outlive the connection's being open
    static void enter(SocketBase& connection, RequestRegistry& registry) { connection.serve_under(registry); }

    /// Has something live as long as a connection is open: it is let go of just before that is closed or given up.
    /// \param connection it
    /// \param what the thing
    static void keep(SocketBase& connection, std::shared_ptr<void> what) noexcept {
        connection.kept_ = std::move(what);
    }

    /// What a connection keeps, if anything.
    [[nodiscard]] static const std::shared_ptr<void>& kept(const SocketBase& connection) noexcept {
        return connection.kept_;
    }

    /// Has a connection or datagram hold the ticket of its request, until that is taken or the thing is gone.
    /// \param request it
    /// \param ticket the ticket
    template <class Request>
    static void admit(Request& request, RequestTicket ticket) noexcept {
        request.ticket_ = std::move(ticket);
    }

    /// Has it give its ticket up.
    /// \param request it
    template <class Request>
    [[nodiscard]] static RequestTicket take_ticket(Request& request) noexcept {
        return std::move(request.ticket_);
    }

    /// Lets several threads wait on a socket at once, each perhaps in an event loop: for a server's, from which all get requests. To be
    /// called before they begin. Their operations must not wait inside the kernel: see Socket::setblocking().
    /// \param socket it
    static void share(SocketBase& socket) noexcept { socket.share(); }
};

}  // namespace socketserver::detail
