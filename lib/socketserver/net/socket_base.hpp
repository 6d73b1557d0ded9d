#pragma once

/// \file
/// What a socket is, without the operations that may wait: its descriptor, names, options, limits of time.

#include <socketserver/net/address.hpp>
#include <socketserver/net/byte_stream.hpp>
#include <socketserver/net/request_limit.hpp>
#include <socketserver/net/waitable.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace socketserver {

class RequestRegistry;

namespace detail {
struct ServedRequest;
}  // namespace detail

/// The part of a Socket that never waits. Errors, threads and ownership are described there.
class SocketBase : public ByteStream {
public:
    // Life

    /// The descriptor, or -1 once closed. Still owned by this object.
    [[nodiscard]] int fileno() const noexcept final { return waitable_.fd; }

    /// Whether there is an open descriptor.
    [[nodiscard]] bool is_open() const noexcept { return waitable_.fd >= 0; }

    /// Closes the descriptor; does nothing if it is closed already. Unsent data is still sent by the kernel.
    void close() noexcept;

    /// Gives the descriptor up without closing it.
    /// \return the descriptor, now the caller's to close; -1 if there is none
    [[nodiscard]] int detach() noexcept;

    /// Ends one or both directions (shutdown(2)).
    /// \param how SHUT_RD, SHUT_WR or SHUT_RDWR
    void shutdown(int how);
    /// \copydoc shutdown(int)
    /// \param error what went wrong
    void shutdown(int how, error_code& error) noexcept;

    // Names

    /// Binds to an address (bind(2)). An any address (`Address("", port)`) needs an IPv6 socket, or binds an
    /// IPv4 socket to 0.0.0.0.
    /// \param address where to
    void bind(const Address& address);
    /// \copydoc bind(const Address&)
    /// \param error what went wrong
    void bind(const Address& address, error_code& error);

    /// The address it is bound to (getsockname(2)).
    [[nodiscard]] Address getsockname() const;
    /// \copydoc getsockname() const
    /// \param error what went wrong
    [[nodiscard]] Address getsockname(error_code& error) const noexcept;

    /// The address it is connected to (getpeername(2)).
    [[nodiscard]] Address getpeername() const;
    /// \copydoc getpeername() const
    /// \param error what went wrong
    [[nodiscard]] Address getpeername(error_code& error) const noexcept;

    // Limits of time

    /// Sets how long each operation may wait.
    /// \param timeout none (the default): as long as it takes; zero: not at all, operations that would
    ///   block fail with EAGAIN; else the longest wait, in nanoseconds or coarser
    void settimeout(std::optional<std::chrono::nanoseconds> timeout);

    /// How long each operation may wait; see settimeout().
    [[nodiscard]] std::optional<std::chrono::nanoseconds> gettimeout() const noexcept { return timeout_; }

    /// Sets how long one write may wait: the whole of what send functions, sendfile() and write_all() are given, however small
    /// the pieces are in which the peer takes it. The clock is looked at only when the peer does not take all of it at once.
    /// \param timeout none (the default): gettimeout(); else the longest wait. A socket that does not wait at all goes on not
    ///   waiting.
    void set_write_timeout(std::optional<std::chrono::nanoseconds> timeout) noexcept { write_timeout_ = timeout; }

    /// How long one write may wait; none: gettimeout(). See set_write_timeout().
    [[nodiscard]] std::optional<std::chrono::nanoseconds> write_timeout() const noexcept override {
        return write_timeout_;
    }

    /// As in Python: `setblocking(false)` is `settimeout(0)`, `setblocking(true)` is `settimeout(none)`.
    /// \param blocking whether operations wait
    void setblocking(bool blocking);

    // Options

    /// An integer option of the socket (getsockopt(2)).
    /// \param level e.g. SOL_SOCKET
    /// \param option e.g. SO_REUSEADDR
    [[nodiscard]] int getsockopt(int level, int option) const;
    /// \copydoc getsockopt(int,int) const
    /// \param error what went wrong
    [[nodiscard]] int getsockopt(int level, int option, error_code& error) const noexcept;

    /// Sets an integer option of the socket (setsockopt(2)).
    /// \param level e.g. SOL_SOCKET
    /// \param option e.g. SO_REUSEADDR
    /// \param value the option's new value
    void setsockopt(int level, int option, int value);
    /// \copydoc setsockopt(int,int,int)
    /// \param error what went wrong
    void setsockopt(int level, int option, int value, error_code& error) noexcept;

    /// Sets an option that is a structure, such as SO_LINGER.
    /// \param level e.g. SOL_SOCKET
    /// \param option e.g. SO_LINGER
    /// \param value the bytes of the structure
    void setsockopt(int level, int option, std::span<const std::byte> value);
    /// \copydoc setsockopt(int,int,std::span<const std::byte>)
    /// \param error what went wrong
    void setsockopt(int level, int option, std::span<const std::byte> value, error_code& error) noexcept;

    // Serving

    /// The descriptor as waiters see it.
    [[nodiscard]] Waitable& waitable() noexcept { return waitable_; }

    /// Whether it is the connection of a request that its server has asked to end.
    [[nodiscard]] bool stop_requested() const noexcept;

    /// The peer's address if known, for messages.
    [[nodiscard]] std::string peer_name() const override;

    // Listening

    /// Lets it accept connections (listen(2)).
    /// \param backlog how many connections the kernel may queue; it cuts the number to net.core.somaxconn
    void listen(int backlog = SOMAXCONN);
    /// \copydoc listen(int)
    /// \param error what went wrong
    void listen(int backlog, error_code& error) noexcept;

private:
    friend class Socket;
    friend struct detail::ServedRequest;
    SocketBase() noexcept = default;
    SocketBase(int family, int type, int protocol);
    SocketBase(UniqueFd fd, Address peer) noexcept;
    SocketBase(SocketBase&&) noexcept = default;
    SocketBase& operator=(SocketBase&& other) noexcept;
    ~SocketBase() override;

    void serve_under(RequestRegistry& registry);
    void share() noexcept;
    bool require_nonblocking_descriptor(error_code& error) noexcept;
    [[noreturn]] void fail(error_code error, const char* operation) const;

    Waitable waitable_;  // its fd is owned here: closed by close(), after watch and request
    std::optional<std::chrono::nanoseconds> timeout_;
    std::optional<std::chrono::nanoseconds> write_timeout_;   // none: timeout_
    std::optional<std::chrono::nanoseconds> kernel_timeout_;  // SO_RCVTIMEO; has meaning while current
    bool descriptor_blocks_ = true;                           // O_NONBLOCK is not set
    bool kernel_timeout_current_ = true;                      // settimeout() was not called since it was set
    bool short_reads_tell_ = false;                           // TCP: less than asked for means that there is no more
    Address peer_;
    std::shared_ptr<void> kept_;
    RequestTicket ticket_;
};

}  // namespace socketserver
