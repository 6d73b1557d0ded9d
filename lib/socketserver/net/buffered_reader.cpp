#include <socketserver/net/buffered_reader.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace socketserver {

void BufferedReader::set_buffer_size(std::size_t size) {
    one_by_one_ = size == 0;
    full_size_ = std::max<std::size_t>(size, 1);
    first_size_ = std::min(full_size_, PooledBuffer::small_size);
}

void BufferedReader::set_max_lines(std::size_t count) noexcept {
    lines_left_ = count == 0 ? std::nullopt : std::optional{count};
}

std::optional<std::string_view> BufferedReader::read_line(std::size_t limit) {
    std::string_view line = readline(limit);
    if (line.empty())
        return std::nullopt;
    if (line.ends_with('\n')) {
        line.remove_suffix(1);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
    }
    return line;
}

std::string_view BufferedReader::readline(std::size_t limit) {
    if (lines_left_ && *lines_left_ == 0)
        return {};
    constexpr std::size_t longest_line_end = 2;
    Deadline line_deadline;
    scanned_ = begin_;
    for (;;) {
        const auto* const newline =
            static_cast<const char*>(end_ > scanned_ ? std::memchr(bytes_ + scanned_, '\n', end_ - scanned_) : nullptr);
        const std::size_t length =
            newline != nullptr ? static_cast<std::size_t>(newline - (bytes_ + begin_)) + 1 : buffered();
        scanned_ = end_;
        std::size_t line_end = newline != nullptr ? 1 : 0;
        if (newline != nullptr && length > 1 && newline[-1] == '\r')
            line_end = longest_line_end;
        // Without its newline a line may yet turn out to end in "\r\n".
        if (length - line_end > limit && (newline != nullptr || length - limit > 1 || bytes_[end_ - 1] != '\r'))
            fail_too_long("a line longer than", limit);
        if (newline != nullptr || !fill_line(line_deadline)) {
            if (newline == nullptr && length > limit)
                fail_too_long("a line longer than", limit);  // the '\r' at its end was no part of a line end
            // The server ends the request: a line that is not whole is no request.
            if (newline == nullptr && (stopped_ || length == 0))
                return {};
            if (lines_left_)
                --*lines_left_;
            return take(length);
        }
    }
}

std::string_view BufferedReader::read_some(std::size_t limit) {
    if (buffered() == 0)
        fill(from_idle());
    return take(std::min(buffered(), limit));
}

std::string BufferedReader::read(std::size_t size) {
    std::string data;
    while (data.size() < size && (buffered() > 0 || fill(within_request())))
        data += take(std::min(buffered(), size - data.size()));
    return data;
}

std::string BufferedReader::read_all(std::size_t limit) {
    std::string data;
    while (buffered() > 0 || fill(within_request())) {
        if (buffered() > limit - data.size())
            fail_too_long("more than", limit);
        data += take(buffered());
    }
    return data;
}

void BufferedReader::read_exact(std::span<std::byte> buffer) {
    while (!buffer.empty()) {
        if (buffered() == 0 && !fill(within_request()))
            fail(system_code(ECONNABORTED));
        const std::string_view data = take(std::min(buffered(), buffer.size()));
        std::memcpy(buffer.data(), data.data(), data.size());
        buffer = buffer.subspan(data.size());
    }
}

std::string_view BufferedReader::take(std::size_t size) noexcept {
    const std::string_view data(bytes_ + begin_, size);
    begin_ += size;
    scanned_ = std::max(scanned_, begin_);
    return data;
}

/// Reads more of a line.
/// \param line_deadline until when it must be complete; set when a part of it has been read
/// \return false at the end of the stream
bool BufferedReader::fill_line(Deadline& line_deadline) {
    if (buffered() == 0)
        return fill(from_idle());
    if (line_timeout_ && line_deadline.is_never())
        line_deadline = Deadline::after(*line_timeout_);
    return fill({{}, earlier(line_deadline, deadline_)});
}

/// Reads more from the stream, after what is unread.
/// \param limits how long to wait
/// \return false at the end of the stream
bool BufferedReader::fill(const ReadLimits& limits) {
    if (ended_ || source_ == nullptr)
        return false;
    error_code error;
    const IoResult result = source_->read_some_lazily(*this, limits, error);
    end_ += result.bytes;
    if (end_ == first_size_)  // whoever sends much at a time will again
        first_size_ = full_size_;
    if (result.status == IoStatus::ok && !error)
        return true;
    if (!error && result.status == IoStatus::timed_out)
        fail_timed_out(limits);
    if (!error)
        error = to_error(result.status);
    if (error)
        fail(error);
    stopped_ = result.status == IoStatus::stopped;
    ended_ = stopped_ || result.status == IoStatus::eof;
    return !ended_;
}

/// Gives out the space behind end_.
std::span<std::byte> BufferedReader::obtain() {
    make_room();
    return std::as_writable_bytes(std::span{buffer_.data() + end_, one_by_one_ ? 1 : capacity_ - end_});
}

void BufferedReader::give_back() noexcept {
    if (buffered() > 0)
        return;
    buffer_.reset();
    capacity_ = begin_ = scanned_ = end_ = 0;
}

/// Makes sure that there is free space behind end_: first by moving what is unread to the front, then by growing.
void BufferedReader::make_room() {
    if (capacity_ == 0) {
        buffer_ = PooledBuffer(first_size_);
        capacity_ = first_size_;
    }
    if (begin_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, buffered());
        scanned_ -= begin_;
        end_ -= begin_;
        begin_ = 0;
    }
    if (end_ == capacity_) {
        const std::size_t wanted = capacity_ < full_size_ ? full_size_ : capacity_ * 2;
        if (wanted > buffer_.size()) {
            PooledBuffer larger(wanted);
            std::memcpy(larger.data(), buffer_.data(), end_);
            buffer_ = std::move(larger);
        }
        capacity_ = wanted;
    }
    bytes_ = buffer_.data();
}

void BufferedReader::fail_too_long(std::string_view what, std::size_t limit) const {
    const std::string peer = source_ != nullptr ? source_->peer_name() : "";
    throw_errno(EMSGSIZE, std::string(what) + ' ' + std::to_string(limit) + " bytes",
                peer.empty() ? "" : "from " + peer);
}

/// Says which limit has run out.
void BufferedReader::fail_timed_out(const ReadLimits& limits) const {
    const std::string from = source_->peer_name().empty() ? "" : "from " + source_->peer_name();
    if (limits.deadline.expired() && limits.deadline == deadline_)
        throw_errno(ETIMEDOUT, "request not complete in time", from);
    if (limits.deadline.expired())
        throw_errno(ETIMEDOUT, "line not complete within " + seconds_text(*line_timeout_) + " s", from);
    if (limits.timeout)
        throw_errno(ETIMEDOUT, "nothing received within " + seconds_text(*limits.timeout) + " s", from);
    fail(system_code(ETIMEDOUT));
}

void BufferedReader::fail(error_code error) const {
    throw_error(error, "recv from", source_ != nullptr ? source_->peer_name() : "");
}

}  // namespace socketserver
