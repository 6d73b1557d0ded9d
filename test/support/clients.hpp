#pragma once

/// \file
/// Clients for tests of servers: plain POSIX, with none of the library's code, so that a fault of the library
/// cannot hide itself.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace socketserver::test {

/// A test waited in vain: what a client throws when an operation takes longer than 10 s (four times as long
/// under a sanitizer).
class TimedOut : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

namespace detail {

/// Owns a descriptor.
class ClientSocket {
public:
    ClientSocket() noexcept = default;
    explicit ClientSocket(int fd) noexcept : fd_(fd) {}
    ClientSocket(ClientSocket&& other) noexcept : fd_(other.release()) {}
    ClientSocket& operator=(ClientSocket&& other) noexcept;
    ClientSocket(const ClientSocket&) = delete;
    ClientSocket& operator=(const ClientSocket&) = delete;
    ~ClientSocket() { close(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    int release() noexcept;
    void close() noexcept;

private:
    int fd_ = -1;
};

}  // namespace detail

/// A stream client: TCP or Unix.
///
/// Each operation is bounded in time (TimedOut) and throws std::system_error when a system call fails, with
/// its errno: ECONNREFUSED, ECONNRESET, EPIPE. Writing to a closed connection raises no SIGPIPE.
///
/// Owns: its socket. Thread: one at a time. Movable.
class Client {
public:
    /// Connects by TCP.
    /// \param host a numeric address or a name
    /// \param port the server's port
    Client(const std::string& host, std::uint16_t port);

    /// Connects to a Unix stream socket.
    /// \param path its path, or "@name" for an abstract one
    explicit Client(const std::filesystem::path& path);

    /// Takes over a connected stream socket, e.g. one end of a socketpair(2).
    /// \param fd the socket
    explicit Client(int fd);

    /// Sends all of it.
    /// \param bytes what to send
    void send(std::string_view bytes);

    /// Receives up to and including the next newline.
    /// \return the line with its newline; what there was before EOF without one; "" at EOF
    [[nodiscard]] std::string read_line();

    /// Receives an exact number of bytes.
    /// \param count how many
    /// \return the bytes; std::runtime_error if EOF comes before, quoting what came
    [[nodiscard]] std::string read_exactly(std::size_t count);

    /// Receives what comes next: at least one byte, at most 64 KiB.
    /// \return the bytes; "" at EOF
    [[nodiscard]] std::string read_some();

    /// Receives all bytes until EOF.
    [[nodiscard]] std::string read_all();

    /// Reads until the connection ends.
    /// \return whether it ended with a reset (ECONNRESET) rather than EOF
    [[nodiscard]] bool ends_by_reset();

    /// Whether neither a byte nor EOF comes for as long as that.
    /// \param span how long to watch
    [[nodiscard]] bool nothing_within(std::chrono::milliseconds span);

    /// Sends EOF and can still receive (shutdown(2) with SHUT_WR).
    void half_close();

    /// Closes the connection so that the server gets ECONNRESET (SO_LINGER with a time of 0).
    void reset();

    /// Closes the connection.
    void close();

    /// This end as the server should name it: `127.0.0.1:50312`, `[::1]:50312`, a path, `@name`; "" for a
    /// Unix socket without a name.
    [[nodiscard]] std::string local_address() const;

    /// The descriptor, for what is not offered here.
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }

private:
    bool receive_more();

    detail::ClientSocket socket_;
    std::string unread_;
};

/// Clients of a server that returns lines, which have sent one and got it back, and stay connected.
/// \param count how many
/// \param connect makes one
/// \return the clients; std::runtime_error if one gets anything but its line
[[nodiscard]] std::vector<Client> served_clients(int count, const std::function<Client()>& connect);

/// A datagram client: UDP or Unix. Connected, so that only the server's datagrams are received and a refusal
/// (ECONNREFUSED) is seen.
///
/// Time-outs and errors as for Client. Owns: its socket. Thread: one at a time. Movable.
class DatagramClient {
public:
    /// Whether a Unix datagram client has a name that a reply can be sent to.
    enum class Name {
        automatic,  ///< an abstract name of the kernel's choice
        none        ///< no name: the server cannot reply
    };

    /// Makes a UDP socket connected to a server.
    /// \param host a numeric address or a name
    /// \param port the server's port
    DatagramClient(const std::string& host, std::uint16_t port);

    /// Makes a Unix datagram socket connected to a server.
    /// \param path its path, or "@name" for an abstract one
    /// \param name whether the client can be replied to
    explicit DatagramClient(const std::filesystem::path& path, Name name = Name::automatic);

    /// Sends one datagram.
    /// \param bytes its contents; may be empty
    void send(std::string_view bytes);

    /// Receives one datagram.
    [[nodiscard]] std::string receive();

    /// Whether no datagram comes for as long as that.
    /// \param span how long to watch
    [[nodiscard]] bool nothing_within(std::chrono::milliseconds span);

    /// This end as the server should name it, see Client.
    [[nodiscard]] std::string local_address() const;

    /// The descriptor, for what is not offered here.
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }

private:
    detail::ClientSocket socket_;
};

}  // namespace socketserver::test
