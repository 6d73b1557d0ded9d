#include <socketserver/datagram_server.hpp>

#include <cerrno>
#include <span>

namespace socketserver {

void DatagramServer::server_bind() {
    bind_socket(SOCK_DGRAM, false);
}

void DatagramServer::server_activate() {
    socket().setblocking(false);
    buffer_ = std::make_unique_for_overwrite<char[]>(options().max_packet_size);
    if (server_address().is_wildcard())
        Datagram::track_local_address(socket());
}

std::optional<std::pair<Datagram, Address>> DatagramServer::get_request() {
    error_code error;
    auto datagram = Datagram::receive(socket(), std::span{buffer_.get(), options().max_packet_size}, error);
    if (datagram) {
        const Address peer = datagram->peer();
        return std::pair{std::move(*datagram), peer};
    }
    // A client's port that is closed by now answers our reply with an error, which the socket tells here.
    if (error == system_code(EAGAIN) || error == system_code(ECONNREFUSED))
        return std::nullopt;
    throw_error(error, "recvmsg on", server_address().to_string());
}

void DatagramServer::close_request(Datagram&) {}

}  // namespace socketserver
