#pragma once

/// \file
/// The socket: Python's operations over a descriptor, waiting through the seam of waiter.hpp.

#include <socketserver/net/address.hpp>
#include <socketserver/net/byte_stream.hpp>
#include <socketserver/net/request_limit.hpp>
#include <socketserver/net/waiter.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace socketserver {

class RequestRegistry;
class SocketStream;

/// A socket, with the operations of Python's socket module under their names.
///
/// Owns: the descriptor (close-on-exec), and what waiters keep for it. Movable, not copyable.
///
/// Thread: one context (thread or fiber) at a time, but for send functions of datagram sockets and shutdown(),
/// which any number may call at once while nobody closes it.
///
/// Waiting: an operation that would block waits by the calling context's Waiter: under a thread it blocks the
/// thread, under a fiber it parks the fiber. Time-out: none at first, as in Python; see settimeout().
///
/// Errors: each operation has two forms. The one without an error_code throws boost::system::system_error naming the
/// call and the peer; there a time-out is the error ETIMEDOUT, would-block on a non-blocking socket EAGAIN, and
/// a wait that a server cuts ECANCELED. The one with an error_code& does not throw for them; it stores the error,
/// or clears the code. EINTR is never seen. A write to a peer that is gone is the error EPIPE, never a SIGPIPE.
class Socket final : public ByteStream {
public:
    /// No socket: fileno() is -1.
    Socket() noexcept = default;

    /// Makes a socket (socket(2)).
    /// \param family AF_INET, AF_INET6 or AF_UNIX
    /// \param type SOCK_STREAM, SOCK_DGRAM or another type
    /// \param protocol 0 for the type's own
    /// \throw boost::system::system_error if there is none to be had
    explicit Socket(int family, int type = SOCK_STREAM, int protocol = 0);

    /// Takes over an open descriptor.
    /// \param fd the descriptor of a socket
    /// \param peer whom it is connected to, for messages
    explicit Socket(UniqueFd fd, Address peer = {}) noexcept;

    Socket(Socket&&) noexcept = default;
    Socket& operator=(Socket&& other) noexcept;
    ~Socket() override;

    // Life

    /// The descriptor, or -1 once closed. Still owned by this object.
    [[nodiscard]] int fileno() const noexcept override { return waitable_.fd; }

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

    // Connecting

    /// Lets it accept connections (listen(2)).
    /// \param backlog how many connections the kernel may queue; it cuts the number to net.core.somaxconn
    void listen(int backlog = SOMAXCONN);
    /// \copydoc listen(int)
    /// \param error what went wrong
    void listen(int backlog, error_code& error) noexcept;

    /// Accepts a connection, waiting for one as long as the time-out allows (accept4(2)).
    /// \return the connection, without a time-out whatever this socket's is, and the peer's address
    [[nodiscard]] std::pair<Socket, Address> accept();
    /// \copydoc accept()
    /// \param error what went wrong; the socket returned is then closed
    [[nodiscard]] std::pair<Socket, Address> accept(error_code& error);

    /// Connects, waiting as long as the time-out allows (connect(2)). A Unix socket whose queue is full is tried
    /// again until then.
    /// \param address whom to
    void connect(const Address& address);
    /// \copydoc connect(const Address&)
    /// \param error what went wrong
    void connect(const Address& address, error_code& error);

    /// Connects as connect() does, and returns the error instead of throwing it.
    /// \param address whom to
    /// \return no error if connected
    [[nodiscard]] error_code connect_ex(const Address& address);

    // Reading and writing

    /// Receives at least one byte. Once a server has asked the request to end (serve_under()), what had come by
    /// then is received, and after it the end of the stream.
    /// \param size the most to receive; at least 1
    /// \param flags of recv(2); with MSG_DONTWAIT it does not wait, whatever the time-out
    /// \return what came; empty at the end of the stream
    [[nodiscard]] std::string recv(std::size_t size, int flags = 0);
    /// \copydoc recv(std::size_t,int)
    /// \param error what went wrong
    [[nodiscard]] std::string recv(std::size_t size, int flags, error_code& error);

    /// Receives at least one byte into a buffer.
    /// \param buffer where to; not empty
    /// \param flags of recv(2)
    /// \return how many bytes came; 0 at the end of the stream
    std::size_t recv_into(std::span<std::byte> buffer, int flags = 0);
    /// \copydoc recv_into(std::span<std::byte>,int)
    /// \param error what went wrong
    std::size_t recv_into(std::span<std::byte> buffer, int flags, error_code& error);

    /// Receives a datagram, or what a stream has.
    /// \param size the most to receive; the rest of a longer datagram is lost
    /// \param flags of recvfrom(2)
    /// \return what came and from whom
    [[nodiscard]] std::pair<std::string, Address> recvfrom(std::size_t size, int flags = 0);
    /// \copydoc recvfrom(std::size_t,int)
    /// \param error what went wrong
    [[nodiscard]] std::pair<std::string, Address> recvfrom(std::size_t size, int flags, error_code& error);

    /// Receives into memory that is there, and tells who sent it (recvfrom(2)).
    /// \param buffer where to
    /// \param address set to the sender
    /// \param flags of recvfrom(2)
    /// \param error what went wrong
    /// \return how much was received; with MSG_TRUNC in \p flags how long the datagram was, even if \p buffer is shorter
    std::size_t recvfrom_into(std::span<char> buffer, Address& address, int flags, error_code& error);

    /// Receives with control data and flags (recvmsg(2)).
    /// \param message as for the system call; its lengths and flags are set
    /// \param flags of recvmsg(2)
    /// \param error what went wrong
    /// \return how many bytes came
    std::size_t recvmsg(msghdr& message, int flags, error_code& error);

    /// Sends from several buffers, or with control data (sendmsg(2)): what the kernel has room for, waiting until that is
    /// at least one byte.
    /// \param message as for the system call
    /// \param flags of sendmsg(2)
    /// \param error what went wrong
    /// \return how many bytes were sent
    std::size_t sendmsg(const msghdr& message, int flags, error_code& error);

    /// Sends what the kernel has room for, waiting until that is at least one byte.
    /// \param data what to send
    /// \param flags of send(2)
    /// \return how many bytes were sent
    std::size_t send(std::string_view data, int flags = 0);
    /// \copydoc send(std::string_view,int)
    /// \param error what went wrong
    std::size_t send(std::string_view data, int flags, error_code& error);

    /// Sends all of it. The time-out is for the whole, as in Python.
    /// \param data what to send
    void sendall(std::string_view data);
    /// \copydoc sendall(std::string_view)
    /// \param error what went wrong
    /// \return how many bytes were sent, also when it went wrong
    std::size_t sendall(std::string_view data, error_code& error);

    /// Sends a datagram.
    /// \param data what to send
    /// \param address whom to
    /// \param flags of sendto(2)
    /// \return how many bytes were sent
    std::size_t sendto(std::string_view data, const Address& address, int flags = 0);
    /// \copydoc sendto(std::string_view,const Address&,int)
    /// \param error what went wrong
    std::size_t sendto(std::string_view data, const Address& address, int flags, error_code& error);

    /// Sends part of a file without copying it through the program (sendfile(2)). The time-out is for the whole.
    /// \param file an open file that can be mapped; its position is neither used nor changed
    /// \param offset where in the file to begin, in bytes
    /// \param count how many bytes; by default to the end of the file
    /// \return how many bytes were sent: fewer than \p count only if the file ended before
    std::uint64_t sendfile(int file, std::uint64_t offset = 0, std::optional<std::uint64_t> count = std::nullopt);
    /// \copydoc sendfile(int,std::uint64_t,std::optional<std::uint64_t>)
    /// \param error what went wrong
    std::uint64_t sendfile(int file, std::uint64_t offset, std::optional<std::uint64_t> count, error_code& error);

    /// Reads at least one byte, with time-out, would-block and end of stream as values. For buffered readers.
    IoResult read_some(std::span<std::byte> buffer, error_code& error) override;

    /// Reads as read_some() does. Only a wait inside the kernel holds memory.
    IoResult read_some_lazily(ReadBuffer& buffer, const ReadLimits& limits, error_code& error) override;

    /// Writes all bytes, with time-out and would-block as values. For buffered writers.
    IoResult write_all(std::string_view data, error_code& error) override;

    /// The connection as a std::iostream, for code that wants one; include socket_stream.hpp to use it.
    /// \return a stream that borrows this socket
    [[nodiscard]] SocketStream makefile();

    // Waiting

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

    /// Waits until the socket is ready, by the calling context's waiter.
    /// \param interest what to wait for
    /// \param deadline when to give up
    WaitResult wait(Interest interest, Deadline deadline);

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

    /// Enters the socket into the registry of the server that serves it, until just before it is closed.
    /// \param registry must outlive the socket's being open
    void serve_under(RequestRegistry& registry);

    /// Has something live as long as the descriptor is open: it is let go of just before that is closed or given up.
    /// \param what it
    void keep(std::shared_ptr<void> what) noexcept { kept_ = std::move(what); }

    /// What it keeps, if anything.
    [[nodiscard]] const std::shared_ptr<void>& kept() const noexcept { return kept_; }

    /// Has it hold the ticket of the request whose connection it is, until that is taken or the socket is gone.
    /// \param ticket it
    void admit(RequestTicket ticket) noexcept { ticket_ = std::move(ticket); }

    /// Gives its ticket up.
    [[nodiscard]] RequestTicket take_ticket() noexcept { return std::move(ticket_); }

    /// Lets several threads wait on the socket at once, each perhaps in an event loop: for a server's socket, from which all get
    /// requests. To be called before they begin. Their operations must not wait inside the kernel: see setblocking().
    void share() noexcept;

    /// The descriptor as waiters see it.
    [[nodiscard]] Waitable& waitable() noexcept { return waitable_; }

    /// Whether it is the connection of a request that its server has asked to end.
    [[nodiscard]] bool stop_requested() const noexcept;

    /// The peer's address if known, for messages.
    [[nodiscard]] std::string peer_name() const override;

private:
    enum class Blocks { in_kernel_if_possible, in_waiter, in_waiter_unpolled };
    struct Operation;
    [[nodiscard]] Operation reading(int flags = 0, const ReadLimits& limits = {}) const noexcept;
    [[nodiscard]] Operation writing(int flags = 0) const noexcept;
    WaitResult pause_for(Operation& operation, Waiter& waiter, std::chrono::milliseconds& pause);
    void count_bytes(const Operation& operation, std::size_t count) noexcept;
    template <class Call, class BeforeWait>
    IoResult transfer(Operation& operation, error_code& error, Call call, BeforeWait before_wait);
    template <class Call>
    IoResult transfer(Operation& operation, error_code& error, Call call);
    template <class Buffer>
    IoResult receive(Buffer&& buffer, int flags, const ReadLimits& limits, error_code& error);
    [[nodiscard]] IoResult with_end(IoResult result, error_code error) const noexcept;
    bool require_nonblocking_descriptor(error_code& error) noexcept;
    [[nodiscard]] bool kernel_keeps_time(const Operation& operation,
                                         std::optional<std::chrono::nanoseconds> longest) noexcept;
    void finish_connecting(const Address& address, Deadline deadline, error_code& error);
    [[noreturn]] void fail(error_code error, const char* operation) const;

    Waitable waitable_;  // its fd is owned here: closed by close(), after watch and request
    std::shared_ptr<void> kept_;
    RequestTicket ticket_;
    std::optional<std::chrono::nanoseconds> timeout_;
    std::optional<std::chrono::nanoseconds> write_timeout_;   // none: timeout_
    std::optional<std::chrono::nanoseconds> kernel_timeout_;  // SO_RCVTIMEO; has meaning while current
    bool descriptor_blocks_ = true;                           // O_NONBLOCK is not set
    bool kernel_timeout_current_ = true;                      // settimeout() was not called since it was set
    bool short_reads_tell_ = false;                           // TCP: less than asked for means that there is no more
    Address peer_;
};

}  // namespace socketserver
