#include <socketserver/datagram_server.hpp>

#include <socketserver/net/socket_functions.hpp>

#include <cerrno>
#include <span>

namespace socketserver {

void DatagramServer::server_bind() {
    if (options().inherited_socket >= 0) {
        socket() = Socket{UniqueFd{options().inherited_socket}};
    } else {
        if (server_address().family() == AF_UNIX)
            file_.emplace(server_address());
        socket() = create_bound(
            server_address(), SOCK_DGRAM,
            {.reuse_address = options().allow_reuse_address.value_or(false), .reuse_port = options().allow_reuse_port});
        if (file_)
            file_->created();
    }
    set_server_address(socket().getsockname());
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

void DatagramServer::close_socket() noexcept {
    // The file first: as long as the socket is open no other file can have its inode's number.
    file_.reset();
    BaseServer::close_socket();
}

}  // namespace socketserver
