#include <socketserver/datagram_server.hpp>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>
#include <tuple>

namespace socketserver {

void DatagramServer::server_bind() {
    bind_socket(SOCK_DGRAM, false);
}

void DatagramServer::server_activate() {
    socket().setblocking(false);
    if (server_address().is_wildcard()) {
        Datagram::track_local_address(socket());
        tracked_ = Datagram::Tracked::yes;
    }
}

std::optional<std::pair<Datagram, Address>> DatagramServer::get_request() {
    // Several loops may receive at once.
    thread_local std::unique_ptr<char[]> buffer;
    thread_local std::size_t size = 0;
    if (size < options().max_packet_size) {
        buffer = std::make_unique_for_overwrite<char[]>(options().max_packet_size);
        size = options().max_packet_size;
    }
    error_code error;
    // Made where the caller wants it: a datagram is large to move.
    std::optional<std::pair<Datagram, Address>> request(
        std::in_place, std::piecewise_construct,
        std::forward_as_tuple(socket(), std::span{buffer.get(), options().max_packet_size}, tracked_, error),
        std::tuple<>{});
    if (!error) {
        request->second = request->first.peer();
    } else {
        // A client's port that is closed by now answers our reply with an error, which the socket tells here.
        if (error != system_code(EAGAIN) && error != system_code(ECONNREFUSED))
            throw_error(error, "receive on", server_address().to_string());
        request.reset();
    }
    return request;
}

void DatagramServer::close_request(Datagram&) {}

}  // namespace socketserver
