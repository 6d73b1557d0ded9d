#pragma once

/// \file
/// Event-style handlers of connections that speak in lines.

#include <socketserver/net/buffered_reader.hpp>
#include <socketserver/protocol.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace socketserver {

/// A protocol of lines: called for each, as Twisted's LineReceiver and asyncore's async_chat are.
///
/// \snippet test/handlers/snippets.cpp line_protocol
///
/// What ends a line can be changed at any time, also within a callback: what has come behind the line is then read the new way. Bounded:
/// nothing a peer sends makes it grow past max_length. Between two callbacks it holds what has come of an unfinished
/// line, and no buffer. Thread and life: see BaseRequestHandler.
class LineProtocol : public Protocol {
public:
    using Protocol::Protocol;

    /// See BaseRequestHandler.
    template <class Handler>
    static constexpr void check_overrides() {
        Protocol::check_overrides<Handler>();
        static_assert(
            !requires { &Handler::line_received; } ||
                requires { static_cast<void (Handler::*)(std::string_view)>(&Handler::line_received); },
            "line_received() of this protocol overrides nothing: it must be void line_received(std::string_view) "
            "override");
        static_assert(
            !requires { &Handler::raw_data_received; } ||
                requires { static_cast<void (Handler::*)(std::string_view)>(&Handler::raw_data_received); },
            "raw_data_received() of this protocol overrides nothing: it must be void "
            "raw_data_received(std::string_view) override");
        static_assert(
            !requires { &Handler::line_length_exceeded; } ||
                requires { static_cast<void (Handler::*)(std::string_view)>(&Handler::line_length_exceeded); },
            "line_length_exceeded() of this protocol overrides nothing: it must be void "
            "line_length_exceeded(std::string_view) override");
        static_assert(
            !requires { &Handler::rest_received; } ||
                requires { static_cast<void (Handler::*)(std::string_view)>(&Handler::rest_received); },
            "rest_received() of this protocol overrides nothing: it must be void rest_received(std::string_view) "
            "override");
    }

    /// Called for each line, or block of set_terminator(std::size_t).
    /// \param line without what ends it; valid until the callback returns
    virtual void line_received(std::string_view line) = 0;

    /// Called for input in raw mode.
    /// \param data what has come, at least one byte; valid until the callback returns. What of it belongs to a line
    ///   again is given back to set_line_mode().
    virtual void raw_data_received([[maybe_unused]] std::string_view data) {}

    /// Called once for a line that is longer than max_length. If it returns, the rest of the line is passed over, and the next
    /// one is read.
    /// \param beginning its first max_length bytes; valid until the callback returns
    /// \throw boost::system::system_error with errc::message_size, unless overridden: that ends the connection
    virtual void line_length_exceeded(std::string_view beginning);

    /// Called when the peer's stream has ended within a line or block. Of a line it calls line_received(), unless
    /// overridden, as a file's last line needs no line end. When the server stops an unfinished line is dropped instead: it is no
    /// request.
    /// \param rest what there is of it; valid until the callback returns
    /// \throw boost::system::system_error with errc::connection_aborted for a block, unless overridden
    virtual void rest_received(std::string_view rest);

    /// Until when to wait for input: for the rest of a line that has begun, line_timeout after that.
    [[nodiscard]] Deadline input_deadline() const override;

    /// Says which limit of time has run out.
    [[noreturn]] void input_timed_out() const override;

    /// Cuts the input into lines.
    void data_received(std::string_view data) final;

    /// Calls rest_received() if there is one. A subclass that overrides it calls its base's.
    void eof_received() override;

protected:
    /// How long a line or block may take from when a part of it has come until its end; at first what the server's options say,
    /// none unless told otherwise. To be set in the constructor.
    std::optional<std::chrono::nanoseconds> line_timeout = server.connection_options().line_timeout;

    /// The longest line taken, in bytes without what ends it.
    std::size_t max_length = BufferedReader::default_line_limit;

    /// Has lines end with a text. At first they end with "\n", and a "\r" before it is no part of them either.
    /// \param text what ends a line; may come in pieces
    /// \throw std::invalid_argument if it is empty
    void set_terminator(std::string_view text);

    /// Has what comes next be taken in blocks of so many bytes, until told otherwise.
    /// \param count bytes
    /// \throw std::invalid_argument if it is 0
    /// \throw boost::system::system_error with errc::message_size if it is more than max_length
    void set_terminator(std::size_t count);

    /// Has what comes next go to raw_data_received() as it comes.
    void set_raw_mode() noexcept;

    /// Has what comes next be lines again, with the terminator there was last.
    /// \param unread bytes to read before all others, e.g. those that raw_data_received() was given and has no use for; copied
    void set_line_mode(std::string_view unread = {});

private:
    enum class Mode : unsigned char { lines, blocks, raw };

    void take_all(std::string_view data);
    std::size_t take(std::string_view data);
    std::size_t take_line(std::string_view data);
    std::size_t line_unfinished(std::string_view data, std::string_view terminator);
    void deliver(std::string_view line);
    void set_mode(Mode mode) noexcept;
    [[nodiscard]] std::string_view terminator() const noexcept;

    std::string rest_;  // what has come of an unfinished line; in a callback, what is to be read again
    std::unique_ptr<const std::string> terminator_;  // none: "\n", or "\r\n"
    Deadline line_deadline_;                         // of the unfinished line; never: there is none
    std::size_t block_size_ = 0;                     // in bytes; has meaning in Mode::blocks
    std::size_t scanned_ = 0;  // how much of the rest is known to hold no beginning of a terminator
    std::size_t lines_left_ = server.connection_options().max_lines;  // 0: no bound
    Mode mode_ = Mode::lines;
    bool passing_over_ = false;  // what is left of a line that is too long
};

}  // namespace socketserver
