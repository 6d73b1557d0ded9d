#pragma once

/// \file
/// Writing text and blocks to a stream: what a handler knows as `wfile`.

#include <socketserver/net/byte_stream.hpp>
#include <socketserver/net/waiter.hpp>

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>

namespace socketserver {

/// Collects output and sends it in few pieces. Tied to its context's reads, as std::cout is to std::cin: what has been
/// written leaves before every read that goes to the kernel, before any other wait of the library in the same context,
/// when a buffer full is pending, on flush(), and before bytes sent by the socket directly. Waits outside the
/// library are not covered.
///
/// Owns: the buffer. Borrows the stream. Thread: the context (thread or fiber) that made it.
///
/// Errors: a failing stream and a time-out (ETIMEDOUT) throw boost::system::system_error naming the peer. If sending
/// before a wait fails, the next write or flush throws. After a failure what was pending is lost.
class BufferedWriter final : private PendingOutput {
public:
    /// How much may be pending unless told otherwise, in bytes.
    static constexpr std::size_t default_buffer_size = 16'384;
    /// The most a writer without a stream collects, in bytes.
    static constexpr std::size_t max_collected = 65'536;

    /// Writes to a stream.
    /// \param sink must outlive this object
    explicit BufferedWriter(ByteStream& sink) noexcept : sink_(&sink) {}

    /// Collects what is written, for a datagram; see collected().
    BufferedWriter() noexcept = default;

    BufferedWriter(const BufferedWriter&) = delete;
    BufferedWriter& operator=(const BufferedWriter&) = delete;
    /// What is still pending is lost: flush() first.
    ~BufferedWriter() override = default;

    /// Sets how much may be pending.
    /// \param size bytes; 0 sends at every write, as Python's wbufsize = 0
    void set_buffer_size(std::size_t size) noexcept { capacity_ = size; }

    /// Writes bytes: all of them, waiting for the peer if need be.
    /// \param data what to write
    /// \return the count, data.size()
    /// \throw boost::system::system_error with errc::message_size if there is no stream and max_collected is exceeded
    std::size_t write(std::string_view data);

    /// Sends what is pending.
    void flush();

    /// What has been written and not sent yet.
    [[nodiscard]] std::string_view pending() const noexcept { return pending_; }

    /// Forgets what has been written and not sent yet.
    void discard() noexcept {
        unlink();
        pending_.clear();
    }

    /// The descriptor written to, or -1.
    [[nodiscard]] int fileno() const noexcept { return sink_ != nullptr ? sink_->fileno() : -1; }

    /// Writes text.
    BufferedWriter& operator<<(std::string_view text) {
        write(text);
        return *this;
    }

    /// Writes a character, or a truth value as 0 or 1. A template, so that nothing else is taken for one of them: what has no
    /// operator<<, such as an enumeration, does not compile.
    template <class Character>
        requires(std::same_as<Character, char> || std::same_as<Character, bool>)
    BufferedWriter& operator<<(Character value) {
        if constexpr (std::same_as<Character, bool>)
            return *this << (value ? '1' : '0');
        else
            write({&value, 1});
        return *this;
    }

    /// Applies a manipulator of streams: std::endl ends a line and sends what is pending, as std::flush does. To end a line
    /// '\n' is enough: what is pending leaves before the next wait.
    BufferedWriter& operator<<(std::ostream& (*manipulator)(std::ostream&));

    /// Writes a number in decimal, the shortest form that reads back as the same.
    template <class Number>
        requires((std::integral<Number> && !std::same_as<Number, bool> && !std::same_as<Number, char>) ||
                 std::floating_point<Number>)
    BufferedWriter& operator<<(Number number) {
        std::array<char, 64> digits;  // NOLINT(cppcoreguidelines-pro-type-member-init): to_chars writes it
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
        write({digits.data(), static_cast<std::size_t>(end - digits.data())});
        return *this;
    }

    /// Writes what has a to_string(), such as an Address.
    template <class Value>
        requires requires(const Value& value) {
            { value.to_string() } -> std::convertible_to<std::string_view>;
        }
    BufferedWriter& operator<<(const Value& value) {
        write(value.to_string());
        return *this;
    }

private:
    void flush_before_wait() noexcept override;
    [[nodiscard]] error_code send_all(std::string_view data) noexcept;
    void check(error_code error);

    ByteStream* sink_ = nullptr;
    std::string pending_;
    std::size_t capacity_ = default_buffer_size;
    error_code failure_;  // of a flush before a wait, kept for the next write
};

}  // namespace socketserver
