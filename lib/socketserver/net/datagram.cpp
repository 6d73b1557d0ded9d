#include <socketserver/net/datagram.hpp>

#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace socketserver {

using namespace std::chrono_literals;

namespace {

// A dual-stack socket tells of an IPv4 datagram by both.
constexpr std::size_t control_size = CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo));

struct alignas(cmsghdr) Control {
    std::array<char, control_size> bytes{};
};

// A peer of a Unix socket can send descriptors along (SCM_RIGHTS), and the kernel has opened them by now.
void close_descriptors(const cmsghdr& entry) {
    const std::size_t count = (entry.cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(&entry) + i * sizeof fd, sizeof fd);
        ::close(fd);
    }
}

// The local address that a reply can leave from: where the datagram was sent to, or, for a broadcast, the interface's own.
std::optional<Address> read_control(msghdr& message) {
    std::optional<Address> local;
    for (cmsghdr* entry = CMSG_FIRSTHDR(&message); entry != nullptr; entry = CMSG_NXTHDR(&message, entry)) {
        if (entry->cmsg_level == IPPROTO_IP && entry->cmsg_type == IP_PKTINFO) {
            in_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(entry), sizeof info);
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_addr = info.ipi_spec_dst;
            local = Address::from_sockaddr(reinterpret_cast<sockaddr*>(&address), sizeof address);
        } else if (entry->cmsg_level == IPPROTO_IPV6 && entry->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(entry), sizeof info);
            sockaddr_in6 address{};
            if (IN6_IS_ADDR_V4MAPPED(&info.ipi6_addr) || IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
                continue;  // told by IP_PKTINFO; no address to send from
            address.sin6_family = AF_INET6;
            address.sin6_addr = info.ipi6_addr;
            if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
                address.sin6_scope_id = info.ipi6_ifindex;
            local = Address::from_sockaddr(reinterpret_cast<sockaddr*>(&address), sizeof address);
        } else if (entry->cmsg_level == SOL_SOCKET && entry->cmsg_type == SCM_RIGHTS) {
            close_descriptors(*entry);
        }
    }
    return local;
}

template <class Info>
void set_control(msghdr& message, Control& control, int level, int type, const Info& info) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(sizeof info);
    cmsghdr* const entry = CMSG_FIRSTHDR(&message);
    entry->cmsg_level = level;
    entry->cmsg_type = type;
    entry->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(entry), &info, sizeof info);
}

// Says which local address the message is to leave from.
void set_source(msghdr& message, Control& control, const Address& local, int peer_family) {
    if (local.family() == AF_INET && peer_family == AF_INET) {
        in_pktinfo info{};
        info.ipi_spec_dst = reinterpret_cast<const sockaddr_in*>(local.data())->sin_addr;
        set_control(message, control, IPPROTO_IP, IP_PKTINFO, info);
    } else if (local.family() == AF_INET6) {
        const auto* const address = reinterpret_cast<const sockaddr_in6*>(local.data());
        in6_pktinfo info{};
        info.ipi6_addr = address->sin6_addr;
        info.ipi6_ifindex = address->sin6_scope_id;
        set_control(message, control, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
}

}  // namespace

void Datagram::track_local_address(Socket& socket) {
    // A dual-stack socket reports IPv4 addresses by IP_PKTINFO only if both are asked for.
    if (socket.getsockopt(SOL_SOCKET, SO_DOMAIN) == AF_INET6)
        socket.setsockopt(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    socket.setsockopt(IPPROTO_IP, IP_PKTINFO, 1);
}

Datagram::Datagram(Socket& socket, std::span<char> buffer, Tracked tracked, error_code& error) : socket_(&socket) {
    std::size_t received = 0;
    if (tracked == Tracked::yes) {
        received = receive_tracked(buffer, error);
    } else {
        // Descriptors that a Unix peer sends along are closed by the kernel where nobody asks for them.
        received = socket.recvfrom_into(buffer, peer_, MSG_TRUNC, error);
        truncated_ = received > buffer.size();
    }
    if (error)
        return;
    size_ = std::min(received, buffer.size());
    data_ = PooledBuffer(size_);
    std::memcpy(data_.data(), buffer.data(), size_);
}

std::size_t Datagram::receive_tracked(std::span<char> buffer, error_code& error) {
    sockaddr_storage from{};
    Control control;
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    const std::size_t received = socket_->recvmsg(message, 0, error);
    if (error)
        return 0;
    local_ = read_control(message);
    peer_ = Address::from_sockaddr(reinterpret_cast<sockaddr*>(&from), message.msg_namelen);
    truncated_ = (message.msg_flags & MSG_TRUNC) != 0;
    return received;
}

/// Sends once.
/// \return what the system call returned
__attribute__((always_inline)) inline ssize_t Datagram::send(std::string_view reply) const {
    constexpr int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    if (!local_)
        return ::sendto(socket_->fileno(), reply.data(), reply.size(), flags, peer_.data(), peer_.size());
    Control control;
    iovec part{const_cast<char*>(reply.data()), reply.size()};  // sendmsg(2) does not write there
    msghdr message{};
    message.msg_name = const_cast<sockaddr*>(peer_.data());
    message.msg_namelen = peer_.size();
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    set_source(message, control, *local_, peer_.family());
    return ::sendmsg(socket_->fileno(), &message, flags);
}

/// Part of the functions that are called, as send() is: see Socket::transfer().
__attribute__((always_inline)) inline void Datagram::try_to_reply(std::string_view reply,
                                                                  std::chrono::nanoseconds timeout, error_code& error) {
    error = {};
    // From port 0 comes what is not to be answered (RFC 768).
    if (peer_.is_unnamed() || (peer_.family() != AF_UNIX && peer_.port() == 0)) {
        error = system_code(EDESTADDRREQ);
        return;
    }
    std::optional<Deadline> until;  // only a reply that must wait looks at the clock
    for (auto pause = 1ms;; pause = std::min(pause * 2, 50ms)) {
        const bool late = until && until->expired();
        if (send(reply) >= 0) {
            bytes_sent_ += reply.size();
            return;
        }
        const int reason = errno;
        if (reason == EINTR)
            continue;
        if (reason != EAGAIN && reason != EWOULDBLOCK && reason != ENOBUFS) {
            error = system_code(reason);
            return;
        }
        if (!until)
            until = Deadline::after(timeout);
        const Deadline deadline = *until;
        if (late) {
            error = system_code(ETIMEDOUT);
            return;
        }
        // When a Unix peer's queue is full the kernel still calls our socket writable, so time must pass instead.
        const Deadline turn = earlier(deadline, Deadline::after(pause));
        const WaitResult waited = peer_.family() == AF_UNIX || reason == ENOBUFS
                                      ? Waiter::current().sleep_until(turn)
                                      : socket_->wait(Interest::writable, deadline);
        if (waited == WaitResult::cut) {
            error = system_code(ECANCELED);
            return;
        }
    }
}

void Datagram::reply(std::string_view reply, std::chrono::nanoseconds timeout, error_code& error) {
    try_to_reply(reply, timeout, error);
}

void Datagram::reply(std::string_view reply, std::chrono::nanoseconds timeout) {
    error_code error;
    try_to_reply(reply, timeout, error);
    if (error)
        throw_error(error, "reply to", peer_.to_string());
}

}  // namespace socketserver
