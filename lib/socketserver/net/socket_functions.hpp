#pragma once

/// \file
/// The functions of Python's socket module that make sockets, and one that joins two.

#include <socketserver/net/socket.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace socketserver {

/// Connects to a host, trying each of its addresses in turn (getaddrinfo(3)).
/// \param host a name or numeric address
/// \param port 0 to 65535
/// \param timeout the longest to wait, for each address; also the returned socket's time-out
/// \param source the address to connect from, if it matters
/// \return the connected socket, with Nagle's algorithm off
/// \throw boost::system::system_error for the last address tried if none could be connected to, or if the name has none
/// Thread: any. May block in name resolution.
[[nodiscard]] Socket create_connection(const std::string& host, int port,
                                       std::optional<std::chrono::nanoseconds> timeout = std::nullopt,
                                       const std::optional<Address>& source = std::nullopt);

/// Connects to a host, without throwing for what the system says.
/// \param host, port, timeout, source as above
/// \param error cleared, or set to what went wrong
/// \return the connected socket; none (`fileno()` is -1) if there is an error
/// Thread: any. May block in name resolution.
[[nodiscard]] Socket create_connection(const std::string& host, int port,
                                       std::optional<std::chrono::nanoseconds> timeout,
                                       const std::optional<Address>& source, error_code& error);

/// Connects to an address.
/// \param address whom to
/// \param timeout the longest to wait; also the returned socket's time-out
/// \throw boost::system::system_error naming the address
/// Thread: any.
[[nodiscard]] Socket create_connection(const Address& address,
                                       std::optional<std::chrono::nanoseconds> timeout = std::nullopt);

/// Connects to an address, without throwing for what the system says.
/// \param address, timeout as above
/// \param error cleared, or set to what went wrong
/// \return the connected socket; none if there is an error
/// Thread: any.
[[nodiscard]] Socket create_connection(const Address& address, std::optional<std::chrono::nanoseconds> timeout,
                                       error_code& error);

/// How create_server() makes a listening socket.
struct ListenOptions {
    int backlog = SOMAXCONN;    ///< how many connections the kernel may queue
    bool reuse_address = true;  ///< bind although connections of a former server linger (SO_REUSEADDR)
    bool reuse_port = false;    ///< share the port with other processes (SO_REUSEPORT)
    /// The permissions of a Unix socket's file, less what umask(2) takes away; none: all but that.
    std::optional<mode_t> unix_socket_mode = std::nullopt;
};

/// Binds and listens.
/// \param address where: `Address("", port)` takes IPv4 and IPv6 alike (dual stack), or IPv4 alone where there is no
///   IPv6
/// \param options how
/// \throw boost::system::system_error naming the address
/// Thread: any.
[[nodiscard]] Socket create_server(const Address& address, const ListenOptions& options = {});

/// Binds and listens, without throwing for what the system says.
/// \param address, options as above
/// \param error cleared, or set to what went wrong
/// \return the listening socket; none if there is an error
/// Thread: any.
[[nodiscard]] Socket create_server(const Address& address, const ListenOptions& options, error_code& error);

/// Makes a socket bound to an address, without listening: the first half of create_server(), and all that a
/// datagram server needs.
/// \param address where; an any address as in create_server()
/// \param type SOCK_STREAM or SOCK_DGRAM
/// \param options how; the backlog is not used
/// \throw boost::system::system_error naming the address
/// \throw std::invalid_argument for `reuse_port` with a Unix address
/// Thread: any.
[[nodiscard]] Socket create_bound(const Address& address, int type, const ListenOptions& options);

/// A pair of connected sockets (socketpair(2)).
/// \param family AF_UNIX
/// \param type SOCK_STREAM or SOCK_DGRAM
/// \throw boost::system::system_error if there is none to be had
/// Thread: any.
[[nodiscard]] std::pair<Socket, Socket> socketpair(int family = AF_UNIX, int type = SOCK_STREAM);

/// A pair of connected sockets, without throwing.
/// \param family, type as above
/// \param error cleared, or set to what went wrong
/// \return the pair; two sockets that are none if there is an error
/// Thread: any.
[[nodiscard]] std::pair<Socket, Socket> socketpair(int family, int type, error_code& error);

/// Sends on what comes, until the end of the stream; pieces leave as they come. Does not end the output of \p to.
/// \param from what to read
/// \param to where to
/// \return how many bytes
/// \throw boost::system::system_error as Socket::recv() and Socket::sendall() do
/// Thread: any.
std::uint64_t copy(Socket& from, Socket& to);

/// A socket over a duplicate of a descriptor, as in Python; \p fd stays open and the caller's.
/// \param fd the descriptor of a socket
/// \throw boost::system::system_error if it cannot be duplicated
/// Thread: any.
[[nodiscard]] Socket fromfd(int fd);

/// A socket over a duplicate of a descriptor, without throwing.
/// \param fd as above
/// \param error cleared, or set to what went wrong
/// \return the socket; none if there is an error
/// Thread: any.
[[nodiscard]] Socket fromfd(int fd, error_code& error);

}  // namespace socketserver
