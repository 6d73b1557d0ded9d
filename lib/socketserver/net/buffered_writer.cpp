#include <socketserver/net/buffered_writer.hpp>

#include <socketserver/os/deadline.hpp>

#include <cerrno>
#include <ostream>
#include <streambuf>
#include <utility>

namespace socketserver {

std::size_t BufferedWriter::write(std::string_view data) {
    if (failure_)
        check(std::exchange(failure_, {}));
    if (sink_ == nullptr) {
        if (data.size() > max_collected - pending_.size())
            throw_errno(EMSGSIZE, "a datagram longer than " + std::to_string(max_collected) + " bytes");
        pending_ += data;
        return data.size();
    }
    if (data.size() + pending_.size() < capacity_) {
        pending_ += data;
        link();
        return data.size();
    }
    // What would not fit anyway goes out from where it lies.
    flush();
    if (data.size() < capacity_)
        return write(data);
    check(send_all(data));
    return data.size();
}

void BufferedWriter::flush() {
    unlink();
    check(std::exchange(failure_, {}));
    if (sink_ == nullptr || pending_.empty())
        return;
    const error_code error = send_all(pending_);
    pending_.clear();
    check(error);
}

BufferedWriter& BufferedWriter::operator<<(std::ostream& (*manipulator)(std::ostream&)) {
    // A stream whose buffer is this writer.
    class Forwarding final : public std::streambuf {
    public:
        explicit Forwarding(BufferedWriter& writer) : writer_(writer) {}

    private:
        int_type overflow(int_type character) override {
            if (!traits_type::eq_int_type(character, traits_type::eof()))
                writer_ << traits_type::to_char_type(character);
            return traits_type::not_eof(character);
        }
        std::streamsize xsputn(const char* text, std::streamsize size) override {
            writer_.write({text, static_cast<std::size_t>(size)});
            return size;
        }
        int sync() override {
            writer_.flush();
            return 0;
        }

        BufferedWriter& writer_;
    };
    Forwarding buffer(*this);
    std::ostream stream(&buffer);
    stream.exceptions(std::ios::badbit);  // lets what is thrown through
    manipulator(stream);
    return *this;
}

void BufferedWriter::flush_before_wait() noexcept {
    if (const error_code error = send_all(pending_))
        failure_ = error;
    pending_.clear();
}

error_code BufferedWriter::send_all(std::string_view data) noexcept {
    error_code error;
    try {
        const IoResult result = sink_->write_all(data, error);
        if (!error && result.status != IoStatus::ok)
            error = to_error(result.status);
        return error;
    } catch (const system_error& failure) {  // waiting failed
        return failure.code();
    }
}

void BufferedWriter::check(error_code error) {
    if (!error)
        return;
    const std::string peer = sink_->peer_name();
    if (const auto limit = sink_->write_timeout(); limit && is_timeout(error))
        throw_error(error, "output not taken within " + seconds_text(*limit) + " s", peer.empty() ? "" : "by " + peer);
    throw_error(error, "send to", peer);
}

}  // namespace socketserver
