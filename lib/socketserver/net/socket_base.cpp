#include <socketserver/net/socket_base.hpp>

#include <socketserver/net/request_registry.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace socketserver {

using namespace std::chrono_literals;

SocketBase::SocketBase(int family, int type, int protocol)
    : waitable_(own_descriptor(::socket(family, type | SOCK_CLOEXEC, protocol)).release()) {
    descriptor_blocks_ = (type & SOCK_NONBLOCK) == 0;
    constexpr int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    // Of datagrams each is read by itself, and so are the pieces of a Unix stream that came with descriptors.
    short_reads_tell_ = (family == AF_INET || family == AF_INET6) && (type & ~flags) == SOCK_STREAM &&
                        (protocol == 0 || protocol == IPPROTO_TCP);
    if (!is_open())
        throw_errno(errno, "socket");
}

SocketBase::SocketBase(UniqueFd fd, Address peer) noexcept : waitable_(fd.release()), peer_(peer) {
    const int flags = ::fcntl(waitable_.fd, F_GETFL);
    descriptor_blocks_ = flags < 0 || (flags & O_NONBLOCK) == 0;
    error_code ignored;
    short_reads_tell_ = getsockopt(SOL_SOCKET, SO_PROTOCOL, ignored) == IPPROTO_TCP;
}

SocketBase& SocketBase::operator=(SocketBase&& other) noexcept {
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

SocketBase::~SocketBase() {
    close();
}

void SocketBase::close() noexcept {
    UniqueFd{detach()}.reset();
}

int SocketBase::detach() noexcept {
    waitable_.request.reset();
    waitable_.watch.reset();
    kept_.reset();
    return std::exchange(waitable_.fd, -1);
}

void SocketBase::fail(error_code error, const char* operation) const {
    throw_error(error, operation, peer_name());
}

std::string SocketBase::peer_name() const {
    return peer_.is_unnamed() ? std::string{} : peer_.to_string();
}

void SocketBase::shutdown(int how, error_code& error) noexcept {
    if (how != SHUT_RD)
        waitable_.output_ended = true;
    error = ::shutdown(fileno(), how) == 0 ? error_code{} : system_code(errno);
}

void SocketBase::shutdown(int how) {
    error_code error;
    shutdown(how, error);
    if (error)
        fail(error, "shutdown");
}

void SocketBase::bind(const Address& address, error_code& error) {
    Address target = address;
    if (address.is_any()) {
        sockaddr_storage own{};
        socklen_t length = sizeof own;
        ::getsockname(fileno(), reinterpret_cast<sockaddr*>(&own), &length);
        target = Address(own.ss_family == AF_INET6 ? "::" : "0.0.0.0", address.port());
    }
    error = ::bind(fileno(), target.data(), target.size()) == 0 ? error_code{} : system_code(errno);
}

void SocketBase::bind(const Address& address) {
    error_code error;
    bind(address, error);
    if (error)
        throw_error(error, "bind to", address.to_string());
}

Address SocketBase::getsockname(error_code& error) const noexcept {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    error = {};
    if (::getsockname(fileno(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
        error = system_code(errno);
        return {};
    }
    return Address::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length);
}

Address SocketBase::getsockname() const {
    error_code error;
    Address address = getsockname(error);
    if (error)
        fail(error, "getsockname");
    return address;
}

Address SocketBase::getpeername(error_code& error) const noexcept {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    error = {};
    if (::getpeername(fileno(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
        error = system_code(errno);
        return {};
    }
    return Address::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length);
}

Address SocketBase::getpeername() const {
    error_code error;
    Address address = getpeername(error);
    if (error)
        fail(error, "getpeername");
    return address;
}

void SocketBase::listen(int backlog, error_code& error) noexcept {
    error = ::listen(fileno(), backlog) == 0 ? error_code{} : system_code(errno);
}

void SocketBase::listen(int backlog) {
    error_code error;
    listen(backlog, error);
    if (error)
        fail(error, "listen");
}

int SocketBase::getsockopt(int level, int option, error_code& error) const noexcept {
    int value = 0;
    socklen_t length = sizeof value;
    error = ::getsockopt(fileno(), level, option, &value, &length) == 0 ? error_code{} : system_code(errno);
    return value;
}

int SocketBase::getsockopt(int level, int option) const {
    error_code error;
    const int value = getsockopt(level, option, error);
    if (error)
        fail(error, "getsockopt");
    return value;
}

void SocketBase::setsockopt(int level, int option, std::span<const std::byte> value, error_code& error) noexcept {
    const int result = ::setsockopt(fileno(), level, option, value.data(), static_cast<socklen_t>(value.size()));
    error = result == 0 ? error_code{} : system_code(errno);
}

void SocketBase::setsockopt(int level, int option, int value, error_code& error) noexcept {
    setsockopt(level, option, std::as_bytes(std::span{&value, 1}), error);
}

void SocketBase::setsockopt(int level, int option, int value) {
    setsockopt(level, option, std::as_bytes(std::span{&value, 1}));
}

void SocketBase::setsockopt(int level, int option, std::span<const std::byte> value) {
    error_code error;
    setsockopt(level, option, value, error);
    if (error)
        fail(error, "setsockopt");
}

void SocketBase::settimeout(std::optional<std::chrono::nanoseconds> timeout) {
    timeout_ = timeout ? std::optional{std::max(*timeout, 0ns)} : std::nullopt;
    kernel_timeout_current_ = false;
}

void SocketBase::setblocking(bool blocking) {
    settimeout(blocking ? std::nullopt : std::optional<std::chrono::nanoseconds>{0ns});
}

/// Sets O_NONBLOCK, for the calls that have no flag to say so.
/// \return false if that failed, with \p error set
bool SocketBase::require_nonblocking_descriptor(error_code& error) noexcept {
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

void SocketBase::share() noexcept {
    // Once and for all, since it changes the socket. Should it fail, so will what is tried then, and tell.
    error_code told_later;
    require_nonblocking_descriptor(told_later);
    waitable_.shared = true;
}

void SocketBase::serve_under(RequestRegistry& registry) {
    waitable_.request = std::make_unique<RunningRequest>(registry, fileno());
}

bool SocketBase::stop_requested() const noexcept {
    return waitable_.request != nullptr && waitable_.request->stopping();
}

}  // namespace socketserver
