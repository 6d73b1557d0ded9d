#include <socketserver/line_protocol.hpp>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace socketserver {

namespace {

/// How many bytes at the end of the data may be the beginning of a terminator.
std::size_t begun(std::string_view terminator, std::string_view data) noexcept {
    std::size_t size = std::min(terminator.size() - 1, data.size());
    while (!data.ends_with(terminator.substr(0, size)))
        --size;
    return size;
}

}  // namespace

Deadline LineProtocol::input_deadline() const {
    if (line_deadline_.is_never())
        return Protocol::input_deadline();
    return earlier(line_deadline_, Deadline::from_timeout(request.gettimeout()));
}

void LineProtocol::input_timed_out() const {
    if (line_deadline_.is_never())
        Protocol::input_timed_out();
    const std::string peer = transport.peer().to_string();
    if (!line_deadline_.expired())
        throw_errno(ETIMEDOUT, "recv from", peer);
    throw_errno(ETIMEDOUT, "line not complete within " + seconds_text(*line_timeout) + " s from", peer);
}

void LineProtocol::data_received(std::string_view data) {
    take_all(data);
    const bool unfinished = mode_ != Mode::raw && (!rest_.empty() || passing_over_);
    if (line_timeout && unfinished && line_deadline_.is_never())
        line_deadline_ = Deadline::after(*line_timeout);
}

/// Calls back for all that is there.
void LineProtocol::take_all(std::string_view data) {
    std::string joined;
    // What callbacks have given back, or was left before, comes first.
    const auto prepend_rest = [&] {
        if (rest_.empty())
            return;
        std::string both = std::exchange(rest_, {});
        both += data;
        joined = std::move(both);
        data = joined;
    };
    prepend_rest();
    while (!data.empty() && !transport.closing()) {
        const std::size_t taken = take(data);
        if (taken == 0)
            break;
        data.remove_prefix(taken);
        prepend_rest();
    }
    if (data.empty() || transport.closing())
        return;
    if (data.size() == joined.size())
        rest_ = std::move(joined);
    else
        rest_ = data;
}

void LineProtocol::eof_received() {
    const std::string rest = std::exchange(rest_, {});
    if (rest.empty() || passing_over_)
        return;
    if (mode_ == Mode::lines && rest.size() > max_length)  // the '\r' at its end was no part of a line end
        line_length_exceeded(std::string_view(rest).substr(0, max_length));
    else
        rest_received(rest);
}

void LineProtocol::line_length_exceeded(std::string_view) {
    throw_errno(EMSGSIZE, "a line longer than " + std::to_string(max_length) + " bytes from",
                transport.peer().to_string());
}

void LineProtocol::rest_received(std::string_view rest) {
    if (mode_ == Mode::blocks)
        throw_errno(ECONNABORTED, "recv from", transport.peer().to_string());
    deliver(rest);
}

void LineProtocol::set_terminator(std::string_view text) {
    if (text.empty())
        throw std::invalid_argument(
            "a terminator of lines has at least one byte; set_raw_mode() is for input without lines");
    terminator_ = std::make_unique<const std::string>(text);
    set_mode(Mode::lines);
}

void LineProtocol::set_terminator(std::size_t count) {
    if (count == 0)
        throw std::invalid_argument("a block has at least one byte");
    if (count > max_length)
        throw_errno(EMSGSIZE, "a block longer than " + std::to_string(max_length) + " bytes from",
                    transport.peer().to_string());
    block_size_ = count;
    set_mode(Mode::blocks);
}

void LineProtocol::set_raw_mode() noexcept {
    set_mode(Mode::raw);
}

void LineProtocol::set_line_mode(std::string_view unread) {
    rest_.insert(0, unread);
    set_mode(Mode::lines);
}

void LineProtocol::set_mode(Mode mode) noexcept {
    mode_ = mode;
    scanned_ = 0;
    line_deadline_ = {};
    passing_over_ = false;
}

std::string_view LineProtocol::terminator() const noexcept {
    return terminator_ ? std::string_view(*terminator_) : "\n";
}

/// Calls back for what comes first.
/// \return how much of the data that was; 0: it is not all there yet
std::size_t LineProtocol::take(std::string_view data) {
    switch (mode_) {
        case Mode::lines: return take_line(data);
        case Mode::blocks: {
            const std::size_t size = block_size_;
            if (data.size() < size)
                return 0;
            line_deadline_ = {};
            line_received(data.substr(0, size));
            return size;
        }
        case Mode::raw: break;
    }
    raw_data_received(data);
    return data.size();
}

std::size_t LineProtocol::take_line(std::string_view data) {
    const std::string_view end = terminator();
    const std::size_t at = data.find(end, scanned_);
    if (at == std::string_view::npos)
        return line_unfinished(data, end);
    const std::size_t taken = at + end.size();
    std::string_view line = data.substr(0, at);
    if (!terminator_ && line.ends_with('\r'))
        line.remove_suffix(1);
    scanned_ = 0;
    line_deadline_ = {};
    if (std::exchange(passing_over_, false))
        return taken;
    if (line.size() > max_length)
        line_length_exceeded(line.substr(0, max_length));
    else
        deliver(line);
    return taken;
}

/// \return how much is not to be kept
std::size_t LineProtocol::line_unfinished(std::string_view data, std::string_view terminator) {
    const std::size_t length = data.size() - begun(terminator_ ? terminator : "\r\n", data);
    scanned_ = length;
    if (!passing_over_ && length <= max_length)
        return 0;
    scanned_ = 0;
    if (!std::exchange(passing_over_, true))
        line_length_exceeded(data.substr(0, max_length));
    return length;
}

void LineProtocol::deliver(std::string_view line) {
    line_received(line);
    if (lines_left_ > 0 && --lines_left_ == 0)
        transport.lose_connection();
}

}  // namespace socketserver
