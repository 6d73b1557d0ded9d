#pragma once

/// \file
/// Reading lines and blocks from a stream: what a handler knows as `rfile`.

#include <socketserver/net/byte_stream.hpp>
#include <socketserver/net/pooled_buffer.hpp>
#include <socketserver/os/deadline.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace socketserver {

/// Reads a stream through a buffer. Bounded: nothing a peer sends makes it grow past the limit of the call.
///
///     bytes_    0        begin_         scanned_      end_          capacity_
///               |  used   |  unread, no newline | unread | free      |
///
/// 0 <= begin_ <= scanned_ <= end_, and where bytes_ is the buffer's memory, end_ <= capacity_ <= buffer_.size()
///
/// Owns: the buffer, while there is one: it is borrowed from the thread's pool when there is something to read, and
/// given back when the reader waits with nothing unread, so that a fiber that waits for its next request holds none.
/// Borrows the stream. Thread: the context that uses the stream.
///
/// Errors: a failing stream and a limit of time that runs out (ETIMEDOUT) throw boost::system::system_error naming the peer, and
/// which limit that was; the end of the stream is a value. What read functions return as a view is valid until the next call.
class BufferedReader final : private ReadBuffer {
public:
    /// The longest line read_line() takes unless told otherwise, in bytes without the line end.
    static constexpr std::size_t default_line_limit = 65'536;
    /// The buffer's size unless told otherwise, in bytes.
    static constexpr std::size_t default_buffer_size = PooledBuffer::pooled_size;

    /// Reads from a stream.
    /// \param source must outlive this object
    explicit BufferedReader(ByteStream& source) noexcept : source_(&source) {}

    /// Reads from bytes that are all there, such as a datagram's.
    /// \param data the bytes; must outlive this object
    explicit BufferedReader(std::string_view data) noexcept : bytes_(data.data()), end_(data.size()) {}

    BufferedReader(const BufferedReader&) = delete;
    BufferedReader& operator=(const BufferedReader&) = delete;

    /// Sets how much to ask the stream for at a time, once it has been seen to send much; less before.
    /// \param size bytes; 0 means as little as can be (Python's unbuffered: nothing past the line is taken)
    /// Requires: nothing has been read yet.
    void set_buffer_size(std::size_t size);

    /// Has the stream end after so many lines.
    /// \param count how many lines are still given out; 0 means no bound
    void set_max_lines(std::size_t count) noexcept;

    /// Sets how long to wait for the first byte of the next line, or piece: read_line(), readline() and read_some() with nothing
    /// unread.
    /// \param timeout none (the default): the stream's own time-out, as everywhere else
    void set_idle_timeout(std::optional<std::chrono::nanoseconds> timeout) noexcept { idle_timeout_ = timeout; }

    /// Sets how long a line may take, from when a part of it has been read until its end, in however many pieces it comes.
    /// Costs nothing where a line comes in one read: the clock is looked at only for those that do not.
    /// \param timeout none (the default): as long as the stream's time-out allows between two pieces
    void set_line_timeout(std::optional<std::chrono::nanoseconds> timeout) noexcept { line_timeout_ = timeout; }

    /// Sets until when all further reads have to be done: for a request of several lines or pieces.
    /// \param deadline when they fail with ETIMEDOUT at the latest; never (the default) ends it
    void set_deadline(Deadline deadline) noexcept { deadline_ = deadline; }

    /// Reads a line and strips its end, as getline() does: a loop over it ends with the stream, and not at an empty line.
    /// \param limit the longest line taken, in bytes without the line end
    /// \return the line without its line end ("\n" or "\r\n"), the rest of the stream if it ends within a line, or
    ///   nothing at the end. A server that is shutting down ends the stream after the last whole line received.
    /// \throw boost::system::system_error with errc::message_size if the line is longer
    std::optional<std::string_view> read_line(std::size_t limit = default_line_limit);

    /// Reads a line as Python's readline() does: with its end, by which a whole line can be told from the rest of a stream.
    /// \param limit the longest line taken, in bytes without the line end
    /// \return the line with its line end, if it had one; empty at the end of the stream
    /// \throw boost::system::system_error with errc::message_size if the line is longer
    std::string_view readline(std::size_t limit = default_line_limit);

    /// Reads what there is, waiting only if that is nothing.
    /// \param limit the most to return, in bytes
    /// \return at least one byte; empty at the end of the stream
    std::string_view read_some(std::size_t limit = default_buffer_size);

    /// Reads a number of bytes.
    /// \param size how many
    /// \return as many; fewer only if the stream ended before
    std::string read(std::size_t size);

    /// Reads to the end of the stream.
    /// \param limit the most to read, in bytes
    /// \throw boost::system::system_error with errc::message_size if there is more
    std::string read_all(std::size_t limit);

    /// Fills a buffer.
    /// \param buffer what to fill
    /// \throw boost::system::system_error with errc::connection_aborted if the stream ends before
    void read_exact(std::span<std::byte> buffer);

    /// The descriptor read from, or -1.
    [[nodiscard]] int fileno() const noexcept { return source_ != nullptr ? source_->fileno() : -1; }

    /// How many bytes have been received and not yet read.
    [[nodiscard]] std::size_t buffered() const noexcept { return end_ - begin_; }

private:
    std::span<std::byte> obtain() override;
    void give_back() noexcept override;
    bool fill(const ReadLimits& limits);
    bool fill_line(Deadline& line_deadline);
    [[nodiscard]] ReadLimits within_request() const noexcept { return {{}, deadline_}; }
    [[nodiscard]] ReadLimits from_idle() const noexcept { return {idle_timeout_, deadline_}; }
    void make_room();
    std::string_view take(std::size_t size) noexcept;
    [[noreturn]] void fail(error_code error) const;
    [[noreturn]] void fail_timed_out(const ReadLimits& limits) const;
    [[noreturn]] void fail_too_long(std::string_view what, std::size_t limit) const;

    ByteStream* source_ = nullptr;
    PooledBuffer buffer_;          // none where the bytes are all there
    const char* bytes_ = nullptr;  // the buffer's memory, or the bytes
    std::size_t full_size_ = default_buffer_size;
    // How much to begin with: little, since a thread holds its buffer while it waits, until a read has filled that.
    std::size_t first_size_ = PooledBuffer::small_size;
    std::size_t capacity_ = 0;  // how much of the buffer may be used
    std::size_t begin_ = 0;
    std::size_t scanned_ = 0;
    std::size_t end_ = 0;
    std::optional<std::size_t> lines_left_;
    std::optional<std::chrono::nanoseconds> idle_timeout_;
    std::optional<std::chrono::nanoseconds> line_timeout_;
    Deadline deadline_;
    bool one_by_one_ = false;  // a buffer size of 0 was asked for
    bool ended_ = false;       // the stream has no more
    bool stopped_ = false;     // because the server asked the request to end
};

}  // namespace socketserver
