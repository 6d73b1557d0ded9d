#pragma once

/// \file
/// What a buffered reader reads from and a buffered writer writes to.

#include <socketserver/os/deadline.hpp>
#include <socketserver/os/error.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace socketserver {

/// How a transfer of bytes ended, short of a failure.
enum class IoStatus {
    ok,           ///< bytes were transferred
    eof,          ///< the peer will send no more
    stopped,      ///< the server asked the request to end, and what had been received has been read
    timed_out,    ///< the time-out came first
    would_block,  ///< the socket is non-blocking and nothing could be transferred now
    cut,          ///< the server is ending the request by force
};

/// The outcome of a transfer: would-block, end of stream and time-out are values, not errors.
struct IoResult {
    std::size_t bytes = 0;           ///< how many bytes were transferred, also when it did not end well
    IoStatus status = IoStatus::ok;  ///< how it ended
};

/// The error code that stands for a status where only errors can be told: ETIMEDOUT, EAGAIN, ECANCELED (cut), and
/// none for the others.
/// \param status the status
[[nodiscard]] inline error_code to_error(IoStatus status) noexcept {
    switch (status) {
        case IoStatus::timed_out: return system_code(ETIMEDOUT);
        case IoStatus::would_block: return system_code(EAGAIN);
        case IoStatus::cut: return system_code(ECANCELED);
        case IoStatus::ok:
        case IoStatus::eof:
        case IoStatus::stopped: break;
    }
    return {};
}

/// How long one read may wait, where that is not left to the stream. A value.
struct ReadLimits {
    std::optional<std::chrono::nanoseconds> timeout = {};  ///< in place of the stream's own time-out; none: that
    Deadline deadline = {};                                ///< when to give up, whatever the time-out says
};

/// Memory that a read takes only when there is something to put into it.
class ReadBuffer {
public:
    ReadBuffer(const ReadBuffer&) = delete;
    ReadBuffer& operator=(const ReadBuffer&) = delete;

    /// Called right before each try.
    /// \return where to read to; not empty
    virtual std::span<std::byte> obtain() = 0;

    /// Called before each wait: the memory obtained is not written to until the next obtain().
    virtual void give_back() noexcept = 0;

protected:
    ReadBuffer() = default;
    ~ReadBuffer() = default;
};

/// A stream of bytes in both directions: a Socket, or a layer over one.
class ByteStream {
public:
    virtual ~ByteStream() = default;

    /// Reads at least one byte, waiting for it if need be.
    /// \param buffer where to; not empty
    /// \param error set if the stream failed, cleared otherwise
    virtual IoResult read_some(std::span<std::byte> buffer, error_code& error) = 0;

    /// Reads at least one byte, waiting for it if need be, and holds no memory while it waits, where it can do without.
    /// \param buffer where to; what it gave last holds the bytes read
    /// \param limits how long to wait; a stream that never waits need not look at it
    /// \param error set if the stream failed, cleared otherwise
    virtual IoResult read_some_lazily(ReadBuffer& buffer, [[maybe_unused]] const ReadLimits& limits,
                                      error_code& error) {
        return read_some(buffer.obtain(), error);
    }

    /// Writes all bytes, waiting for room as long as need be.
    /// \param data what to write
    /// \param error set if the stream failed, cleared otherwise
    /// \return IoStatus::ok only if all were written; `bytes` tells how many were, in any case
    virtual IoResult write_all(std::string_view data, error_code& error) = 0;

    /// How long one whole write may take, for messages; none: it has no limit of its own.
    [[nodiscard]] virtual std::optional<std::chrono::nanoseconds> write_timeout() const noexcept {
        return std::nullopt;
    }

    /// The descriptor, or -1.
    [[nodiscard]] virtual int fileno() const noexcept = 0;

    /// Who is at the other end, for messages.
    [[nodiscard]] virtual std::string peer_name() const = 0;

protected:
    ByteStream() = default;
    ByteStream(const ByteStream&) = default;
    ByteStream(ByteStream&&) = default;
    ByteStream& operator=(const ByteStream&) = default;
    ByteStream& operator=(ByteStream&&) = default;
};

}  // namespace socketserver
