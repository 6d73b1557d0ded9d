#include <socketserver/net/socket.hpp>

#include <socketserver/net/request_registry.hpp>
#include <socketserver/net/socket_stream.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

// The life, names and options of a socket; socket_io.cpp moves its bytes, socket_functions.cpp makes sockets.

namespace socketserver {

using namespace std::chrono_literals;

Socket::Socket(int family, int type, int protocol)
    : waitable_(own_descriptor(::socket(family, type | SOCK_CLOEXEC, protocol)).release()) {
    descriptor_blocks_ = (type & SOCK_NONBLOCK) == 0;
    constexpr int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    // Of datagrams each is read by itself, and so are the pieces of a Unix stream that came with descriptors.
    short_reads_tell_ = (family == AF_INET || family == AF_INET6) && (type & ~flags) == SOCK_STREAM &&
                        (protocol == 0 || protocol == IPPROTO_TCP);
    if (!is_open())
        throw_errno(errno, "socket");
}

Socket::Socket(UniqueFd fd, Address peer) noexcept : waitable_(fd.release()), peer_(peer) {
    const int flags = ::fcntl(waitable_.fd, F_GETFL);
    descriptor_blocks_ = flags < 0 || (flags & O_NONBLOCK) == 0;
    error_code ignored;
    short_reads_tell_ = getsockopt(SOL_SOCKET, SO_PROTOCOL, ignored) == IPPROTO_TCP;
}

Socket& Socket::operator=(Socket&& other) noexcept {
    if (this != &other) {
        close();
        waitable_ = std::move(other.waitable_);
        kept_ = std::move(other.kept_);
        ticket_ = std::move(other.ticket_);
        timeout_ = other.timeout_;
        write_timeout_ = other.write_timeout_;
        kernel_timeout_ = other.kernel_timeout_;
        descriptor_blocks_ = other.descriptor_blocks_;
        kernel_timeout_current_ = other.kernel_timeout_current_;
        short_reads_tell_ = other.short_reads_tell_;
        peer_ = other.peer_;
    }
    return *this;
}

Socket::~Socket() {
    close();
}

void Socket::close() noexcept {
    UniqueFd{detach()}.reset();
}

int Socket::detach() noexcept {
    waitable_.request.reset();
    waitable_.watch.reset();
    kept_.reset();
    return std::exchange(waitable_.fd, -1);
}

void Socket::fail(error_code error, const char* operation) const {
    throw_error(error, operation, peer_name());
}

std::string Socket::peer_name() const {
    return peer_.is_unnamed() ? std::string{} : peer_.to_string();
}

void Socket::shutdown(int how, error_code& error) noexcept {
    if (how != SHUT_RD)
        waitable_.output_ended = true;
    error = ::shutdown(fileno(), how) == 0 ? error_code{} : system_code(errno);
}

void Socket::shutdown(int how) {
    error_code error;
    shutdown(how, error);
    if (error)
        fail(error, "shutdown");
}

void Socket::bind(const Address& address, error_code& error) {
    Address target = address;
    if (address.is_any()) {
        sockaddr_storage own{};
        socklen_t length = sizeof own;
        ::getsockname(fileno(), reinterpret_cast<sockaddr*>(&own), &length);
        target = Address(own.ss_family == AF_INET6 ? "::" : "0.0.0.0", address.port());
    }
    error = ::bind(fileno(), target.data(), target.size()) == 0 ? error_code{} : system_code(errno);
}

void Socket::bind(const Address& address) {
    error_code error;
    bind(address, error);
    if (error)
        throw_error(error, "bind to", address.to_string());
}

Address Socket::getsockname(error_code& error) const noexcept {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    error = {};
    if (::getsockname(fileno(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
        error = system_code(errno);
        return {};
    }
    return Address::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length);
}

Address Socket::getsockname() const {
    error_code error;
    Address address = getsockname(error);
    if (error)
        fail(error, "getsockname");
    return address;
}

Address Socket::getpeername(error_code& error) const noexcept {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    error = {};
    if (::getpeername(fileno(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
        error = system_code(errno);
        return {};
    }
    return Address::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length);
}

Address Socket::getpeername() const {
    error_code error;
    Address address = getpeername(error);
    if (error)
        fail(error, "getpeername");
    return address;
}

void Socket::listen(int backlog, error_code& error) noexcept {
    error = ::listen(fileno(), backlog) == 0 ? error_code{} : system_code(errno);
}

void Socket::listen(int backlog) {
    error_code error;
    listen(backlog, error);
    if (error)
        fail(error, "listen");
}

int Socket::getsockopt(int level, int option, error_code& error) const noexcept {
    int value = 0;
    socklen_t length = sizeof value;
    error = ::getsockopt(fileno(), level, option, &value, &length) == 0 ? error_code{} : system_code(errno);
    return value;
}

int Socket::getsockopt(int level, int option) const {
    error_code error;
    const int value = getsockopt(level, option, error);
    if (error)
        fail(error, "getsockopt");
    return value;
}

void Socket::setsockopt(int level, int option, std::span<const std::byte> value, error_code& error) noexcept {
    const int result = ::setsockopt(fileno(), level, option, value.data(), static_cast<socklen_t>(value.size()));
    error = result == 0 ? error_code{} : system_code(errno);
}

void Socket::setsockopt(int level, int option, int value, error_code& error) noexcept {
    setsockopt(level, option, std::as_bytes(std::span{&value, 1}), error);
}

void Socket::setsockopt(int level, int option, int value) {
    setsockopt(level, option, std::as_bytes(std::span{&value, 1}));
}

void Socket::setsockopt(int level, int option, std::span<const std::byte> value) {
    error_code error;
    setsockopt(level, option, value, error);
    if (error)
        fail(error, "setsockopt");
}

void Socket::settimeout(std::optional<std::chrono::nanoseconds> timeout) {
    timeout_ = timeout ? std::optional{std::max(*timeout, 0ns)} : std::nullopt;
    kernel_timeout_current_ = false;
}

void Socket::setblocking(bool blocking) {
    settimeout(blocking ? std::nullopt : std::optional<std::chrono::nanoseconds>{0ns});
}

/// Sets O_NONBLOCK, for the calls that have no flag to say so.
/// \return false if that failed, with \p error set
bool Socket::require_nonblocking_descriptor(error_code& error) noexcept {
    error = {};
    if (!descriptor_blocks_)
        return true;
    const int flags = ::fcntl(fileno(), F_GETFL);
    if (flags < 0 || ::fcntl(fileno(), F_SETFL, flags | O_NONBLOCK) != 0) {
        error = system_code(errno);
        return false;
    }
    descriptor_blocks_ = false;
    return true;
}

WaitResult Socket::wait(Interest interest, Deadline deadline) {
    Waiter& waiter = Waiter::current();
    const auto is_ready = [&] {
        pollfd entry{fileno(), static_cast<short>(interest == Interest::readable ? POLLIN : POLLOUT), 0};
        return ::poll(&entry, 1, 0) > 0;
    };
    if (!waiter.remembers_readiness())
        return waiter.wait(waitable_, interest, deadline);
    if (waitable_.shared) {
        if (!is_ready())
            return waiter.wait(waitable_, interest, deadline);
        waiter.flush_pending();
        return WaitResult::ready;
    }
    // The caller need not have read all there was; and what one is told of later may have been read since it came.
    for (;;) {
        const bool ready = waitable_.watch != nullptr && is_ready();
        if (ready)
            waitable_.watch->look_again(interest);
        const WaitResult waited = waiter.wait(waitable_, interest, deadline);
        if (ready || waited != WaitResult::ready || !is_open())
            return waited;
    }
}

void Socket::share() noexcept {
    // Once and for all, since it changes the socket. Should it fail, so will what is tried then, and tell.
    error_code told_later;
    require_nonblocking_descriptor(told_later);
    waitable_.shared = true;
}

void Socket::serve_under(RequestRegistry& registry) {
    waitable_.request = std::make_unique<RunningRequest>(registry, fileno());
}

bool Socket::stop_requested() const noexcept {
    return waitable_.request != nullptr && waitable_.request->stopping();
}

SocketStream Socket::makefile() {
    return SocketStream{*this};
}

}  // namespace socketserver
