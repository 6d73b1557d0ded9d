#pragma once

/// \file
/// The socket: Python's operations over a descriptor, waiting through the seam of waiter.hpp.

#include <socketserver/net/address.hpp>
#include <socketserver/net/byte_stream.hpp>
#include <socketserver/net/socket_base.hpp>
#include <socketserver/net/waiter.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace socketserver {

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
class Socket final : public SocketBase {
public:
    /// No socket: fileno() is -1.
    Socket() noexcept = default;

    /// Makes a socket (socket(2)).
    /// \param family AF_INET, AF_INET6 or AF_UNIX
    /// \param type SOCK_STREAM, SOCK_DGRAM or another type
    /// \param protocol 0 for the type's own
    /// \throw boost::system::system_error if there is none to be had
    explicit Socket(int family, int type = SOCK_STREAM, int protocol = 0) : SocketBase(family, type, protocol) {}

    /// Takes over an open descriptor.
    /// \param fd the descriptor of a socket
    /// \param peer whom it is connected to, for messages
    explicit Socket(UniqueFd fd, Address peer = {}) noexcept : SocketBase(std::move(fd), peer) {}

    // Connecting

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

    /// Receives at least one byte. Once a server has asked the request to end, what had come by
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

    /// Waits until the socket is ready, by the calling context's waiter.
    /// \param interest what to wait for
    /// \param deadline when to give up
    WaitResult wait(Interest interest, Deadline deadline);

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
    [[nodiscard]] bool kernel_keeps_time(const Operation& operation,
                                         std::optional<std::chrono::nanoseconds> longest) noexcept;
    void finish_connecting(const Address& address, Deadline deadline, error_code& error);
};

}  // namespace socketserver
