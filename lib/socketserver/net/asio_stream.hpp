#pragma once

/// \file
/// A socket as Boost.Asio and Boost.Beast know streams: HTTP and WebSocket in every handler. Optional: nothing else of
/// the library includes it, and it needs no more than Boost's headers.

#include <socketserver/net/byte_stream.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/os/deadline.hpp>

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <utility>  // Asio 1.74 uses it and does not include it

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/core/role.hpp>

namespace socketserver {

/// Stands for the executor of an AsioStream that has none.
struct NoExecutor {};

/// A socket that meets Boost.Asio's SyncReadStream and SyncWriteStream, so that boost::asio::read(), write() and
/// read_until() and all synchronous functions of Boost.Beast work over it. They wait as the socket does: under fibers
/// the fiber is parked.
///
/// \snippet test/lib/net/asio_stream_test.cpp http_handler
///
/// Borrows the socket, which must outlive it; a value otherwise. Thread: the context that uses the socket. What is
/// pending in that context's BufferedWriter leaves first, as before every operation of the socket; what a BufferedReader
/// has received and not given out does not come here.
///
/// Errors: as Socket tells them, which are Asio's too: boost::asio::error::timed_out after the socket's time-out or set_deadline(),
/// `would_block` for a non-blocking socket, `operation_aborted` when a server cuts the request, `connection_reset` and so
/// on. The end of the stream is boost::asio::error::eof, also the one that comes when a server asks the request to end.
///
/// boost::beast::websocket::stream wants an executor besides, although its synchronous functions start nothing there: that
/// of a boost::asio::io_context which nobody runs, and which all connections may share.
///
/// \snippet test/lib/net/asio_stream_test.cpp websocket_handler
///
/// \tparam Executor the type of the executor, if there is one
template <class Executor = NoExecutor>
class AsioStream {
public:
    /// The type of the executor.
    using executor_type = Executor;

    /// A stream over a socket.
    /// \param socket a connected stream socket
    /// \param executor what get_executor() returns, for those who ask
    explicit AsioStream(Socket& socket, Executor executor = {}) : socket_(&socket), executor_(std::move(executor)) {}

    /// The socket.
    [[nodiscard]] Socket& socket() const noexcept { return *socket_; }

    /// The executor it was made with.
    [[nodiscard]] Executor get_executor() const noexcept requires(!std::same_as<Executor, NoExecutor>) {
        return executor_;
    }

    /// Sets until when reads may wait, whatever the socket's time-out says: for a whole message that the peer may send byte by byte.
    /// A read that comes later still gets what is there.
    /// \param deadline when they give up with boost::asio::error::timed_out; never: the socket's time-out is all (the default)
    void set_deadline(Deadline deadline) noexcept { deadline_ = deadline; }

    /// Reads at least one byte, waiting for it if need be, into the first buffer that is not empty.
    /// \param buffers where to (MutableBufferSequence)
    /// \return how many bytes came; 0 only if all buffers are empty
    /// \throw boost::system::system_error naming the peer
    template <class MutableBufferSequence>
    std::size_t read_some(const MutableBufferSequence& buffers) {
        error_code error;
        const std::size_t count = read_some(buffers, error);
        if (error)
            throw_error(error, "recv from", socket_->peer_name());
        return count;
    }

    /// Reads at least one byte, without throwing.
    /// \param buffers where to (MutableBufferSequence)
    /// \param error cleared, or set to what went wrong
    /// \return how many bytes came
    template <class MutableBufferSequence>
    std::size_t read_some(const MutableBufferSequence& buffers, error_code& error) {
        static_assert(boost::asio::is_mutable_buffer_sequence<MutableBufferSequence>::value,
                      "read_some() takes a MutableBufferSequence");
        error = {};
        const auto end = boost::asio::buffer_sequence_end(buffers);
        for (auto each = boost::asio::buffer_sequence_begin(buffers); each != end; ++each) {
            const boost::asio::mutable_buffer buffer(*each);
            if (buffer.size() != 0)
                return receive({static_cast<std::byte*>(buffer.data()), buffer.size()}, error);
        }
        return 0;
    }

    /// Writes what the kernel has room for, waiting until that is at least one byte. All buffers, up to 16 of them, go
    /// out by one system call (sendmsg(2)).
    /// \param buffers what to write (ConstBufferSequence)
    /// \return how many bytes were written; 0 only if all buffers are empty
    /// \throw boost::system::system_error naming the peer
    template <class ConstBufferSequence>
    std::size_t write_some(const ConstBufferSequence& buffers) {
        error_code error;
        const std::size_t count = write_some(buffers, error);
        if (error)
            throw_error(error, "send to", socket_->peer_name());
        return count;
    }

    /// Writes at least one byte, without throwing.
    /// \param buffers what to write (ConstBufferSequence)
    /// \param error cleared, or set to what went wrong
    /// \return how many bytes were written
    template <class ConstBufferSequence>
    std::size_t write_some(const ConstBufferSequence& buffers, error_code& error) {
        static_assert(boost::asio::is_const_buffer_sequence<ConstBufferSequence>::value,
                      "write_some() takes a ConstBufferSequence");
        error = {};
        std::array<iovec, 16> parts;  // NOLINT(cppcoreguidelines-pro-type-member-init): only what is filled is used
        std::size_t count = 0;
        const auto end = boost::asio::buffer_sequence_end(buffers);
        for (auto each = boost::asio::buffer_sequence_begin(buffers); each != end && count < parts.size(); ++each) {
            const boost::asio::const_buffer buffer(*each);
            if (buffer.size() != 0)
                parts[count++] = {const_cast<void*>(buffer.data()), buffer.size()};  // sendmsg(2) does not write there
        }
        if (count == 0)
            return 0;
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = count;
        return socket_->sendmsg(message, 0, error);
    }

private:
    // Memory that is there anyway.
    struct Given final : ReadBuffer {
        explicit Given(std::span<std::byte> the_bytes) noexcept : bytes(the_bytes) {}
        std::span<std::byte> obtain() override { return bytes; }
        void give_back() noexcept override {}
        std::span<std::byte> bytes;
    };

    std::size_t receive(std::span<std::byte> buffer, error_code& error) {
        Given given(buffer);
        const IoResult result = socket_->read_some_lazily(given, {.deadline = deadline_}, error);
        if (!error)
            error = to_error(result.status);
        // Not a read of no bytes, after which Beast would try again for ever.
        if (result.status == IoStatus::eof || result.status == IoStatus::stopped)
            error = boost::asio::error::eof;
        return result.bytes;
    }

    Socket* socket_;
    Deadline deadline_ = Deadline::never();
    [[no_unique_address]] Executor executor_;
};

/// How boost::beast::websocket::stream ends a connection after the closing handshake (RFC 6455 section 7.1.1): sends the end
/// of the stream, a server at once and a client when it has seen the server's, and reads to the end, but no more than
/// 1 MiB. The socket stays open: its owner closes it.
/// \param role which side this is
/// \param stream the connection
/// \param error cleared, or set to what went wrong
template <class Executor>
void teardown(boost::beast::role_type role, AsioStream<Executor>& stream, error_code& error) {
    constexpr std::size_t most = std::size_t{1} << 20U;
    error = {};
    if (role == boost::beast::role_type::server)
        stream.socket().shutdown(SHUT_WR, error);
    std::array<std::byte, 2048> ignored;  // NOLINT(cppcoreguidelines-pro-type-member-init): only written
    for (std::size_t count = 0; !error && count < most;)
        count += stream.read_some(boost::asio::mutable_buffer(ignored.data(), ignored.size()), error);
    if (error == boost::asio::error::eof)
        error = {};
    if (role == boost::beast::role_type::client && !error)
        stream.socket().shutdown(SHUT_WR, error);
}

}  // namespace socketserver
