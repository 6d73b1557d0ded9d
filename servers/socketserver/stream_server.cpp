#include <socketserver/stream_server.hpp>

#include <netinet/tcp.h>

#include <cerrno>

namespace socketserver {

namespace {

// Errors of a connection that was given up before it was accepted, and of the network under it (accept(2)).
bool concerns_one_connection(int error) noexcept {
    switch (error) {
        case ECONNABORTED:
        case ECONNRESET:
        case EPROTO:
        case EPERM:
        case ENETDOWN:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case EOPNOTSUPP:
        case ENETUNREACH: return true;
        default: return false;
    }
}

}  // namespace

void StreamServer::server_bind() {
    bind_socket(SOCK_STREAM, true);
}

void StreamServer::server_activate() {
    const bool tcp = server_address().family() != AF_UNIX;
    // Before the first connection can come.
    if (tcp && options().defer_accept.count() > 0)
        socket().setsockopt(IPPROTO_TCP, TCP_DEFER_ACCEPT, static_cast<int>(options().defer_accept.count()));
    socket().listen(options().request_queue_size);
    socket().setblocking(false);
    // Connections inherit it, which saves each of them a system call.
    if (tcp)
        socket().setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
}

std::optional<std::pair<Socket, Address>> StreamServer::get_request() {
    // Behind a connection that was given up others may wait, of which an edge-triggered selector tells no more. Not without
    // end, should an error be one of the socket after all.
    constexpr int most_passed_over = 100;
    error_code error;
    for (int passed_over = 0; passed_over < most_passed_over; ++passed_over) {
        auto accepted = socket().accept(error);
        if (!error)
            return accepted;
        if (error.value() == EAGAIN)
            return std::nullopt;
        if (!concerns_one_connection(error.value()))
            throw_error(error, "accept on", server_address().to_string());
    }
    return std::nullopt;
}

void StreamServer::shutdown_request(Socket& request) {
    error_code gone_already;
    if (request.is_open())
        request.shutdown(SHUT_WR, gone_already);
    close_request(request);
}

void StreamServer::close_request(Socket& request) {
    request.close();
}

}  // namespace socketserver
