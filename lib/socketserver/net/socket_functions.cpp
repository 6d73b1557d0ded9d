#include <socketserver/net/socket_functions.hpp>

#include <socketserver/net/resolve.hpp>

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string_view>
#include <type_traits>

namespace socketserver {

namespace {

/// What a function returns, or nothing and the error that it throws.
template <class F>
std::invoke_result_t<F&> without_throwing(error_code& error, F make) {
    error = {};
    try {
        return make();
    } catch (const system_error& failure) {
        error = failure.code();
        return {};
    }
}

}  // namespace

Socket create_connection(const Address& address, std::optional<std::chrono::nanoseconds> timeout) {
    Socket socket(address.family(), SOCK_STREAM);
    socket.settimeout(timeout);
    if (address.family() != AF_UNIX)
        socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
    socket.connect(address);
    return socket;
}

Socket create_connection(const Address& address, std::optional<std::chrono::nanoseconds> timeout, error_code& error) {
    return without_throwing(error, [&] { return create_connection(address, timeout); });
}

Socket create_connection(const std::string& host, int port, std::optional<std::chrono::nanoseconds> timeout,
                         const std::optional<Address>& source) {
    error_code last = system_code(EADDRNOTAVAIL);
    Address tried;
    for (const AddressInfo& info : getaddrinfo(host, std::to_string(port), AF_UNSPEC, SOCK_STREAM)) {
        tried = info.address;
        try {
            Socket socket(info.family, info.type, info.protocol);
            socket.settimeout(timeout);
            socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
            if (source)
                socket.bind(*source);
            socket.connect(tried);
            return socket;
        } catch (const system_error& failure) {
            last = failure.code();
        }
    }
    throw_error(last, "connect to", tried.is_unnamed() ? host : tried.to_string());
}

Socket create_connection(const std::string& host, int port, std::optional<std::chrono::nanoseconds> timeout,
                         const std::optional<Address>& source, error_code& error) {
    return without_throwing(error, [&] { return create_connection(host, port, timeout, source); });
}

namespace {

Socket bind_one(const Address& address, int type, const ListenOptions& options) {
    Socket socket(address.is_any() ? AF_INET6 : address.family(), type);
    if (address.family() != AF_UNIX) {
        if (options.reuse_address)
            socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1);
        if (options.reuse_port)
            socket.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1);
        if (address.is_any())
            socket.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 0);
        else if (address.family() == AF_INET6)
            socket.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1);
    }
    // The socket's permissions become those of the file that bind(2) makes (unix(7)), so that there is no moment with others.
    if (address.family() == AF_UNIX && options.unix_socket_mode &&
        ::fchmod(socket.fileno(), *options.unix_socket_mode) != 0)
        throw_errno(errno, "fchmod", address.to_string());
    socket.bind(address);
    return socket;
}

}  // namespace

Socket create_bound(const Address& address, int type, const ListenOptions& options) {
    if (address.family() == AF_UNIX && options.reuse_port)
        throw std::invalid_argument("reuse_port is for Internet addresses: a Unix socket's path, " +
                                    address.to_string() + ", belongs to one server");
    try {
        return bind_one(address, type, options);
    } catch (const system_error& failure) {
        // A machine without IPv6 either has no such sockets or none of its addresses.
        const bool without_ipv6 =
            failure.code() == system_code(EAFNOSUPPORT) || failure.code() == system_code(EADDRNOTAVAIL);
        if (!address.is_any() || !without_ipv6)
            throw;
    }
    return bind_one(Address("0.0.0.0", address.port()), type, options);
}

Socket create_server(const Address& address, const ListenOptions& options) {
    Socket socket = create_bound(address, SOCK_STREAM, options);
    socket.listen(options.backlog);
    return socket;
}

Socket create_server(const Address& address, const ListenOptions& options, error_code& error) {
    return without_throwing(error, [&] { return create_server(address, options); });
}

std::pair<Socket, Socket> socketpair(int family, int type) {
    std::array<int, 2> fds{};
    if (::socketpair(family, type | SOCK_CLOEXEC, 0, fds.data()) != 0)
        throw_errno(errno, "socketpair");
    UniqueFd one = own_descriptor(fds[0]);
    UniqueFd other = own_descriptor(fds[1]);
    if (!one || !other)
        throw_errno(errno, "socketpair");
    return {Socket{std::move(one)}, Socket{std::move(other)}};
}

std::pair<Socket, Socket> socketpair(int family, int type, error_code& error) {
    return without_throwing(error, [&] { return socketpair(family, type); });
}

std::uint64_t copy(Socket& from, Socket& to) {
    constexpr std::size_t piece = 65'536;
    std::string buffer(piece, '\0');
    std::uint64_t total = 0;
    while (const std::size_t count = from.recv_into(std::as_writable_bytes(std::span(buffer)))) {
        to.sendall(std::string_view(buffer).substr(0, count));
        total += count;
    }
    return total;
}

Socket fromfd(int fd) {
    UniqueFd copy = own_descriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy)
        throw_errno(errno, "fcntl");
    Socket socket{std::move(copy)};
    error_code unconnected;
    const Address peer = socket.getpeername(unconnected);
    return Socket{UniqueFd{socket.detach()}, peer};
}

Socket fromfd(int fd, error_code& error) {
    return without_throwing(error, [&] { return fromfd(fd); });
}

}  // namespace socketserver
