#include "input.hpp"
#include "targets.hpp"

#include <socketserver/net/buffered_reader.hpp>
#include <socketserver/net/byte_stream.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace socketserver::fuzz {

namespace {

// How the stream ends.
enum class End { eof, stopped, timed_out, reset };

// A stream of given pieces.
class Pieces : public ByteStream {
public:
    Pieces(std::vector<std::string_view> pieces, End end) : pieces_(std::move(pieces)), end_(end) {}

    IoResult read_some(std::span<std::byte> buffer, error_code& error) override {
        require(!buffer.empty(), "there is room for what is read");
        error.clear();
        if (next_ == pieces_.size())
            return at_end(error);
        std::string_view& piece = pieces_[next_];
        const std::size_t count = std::min(piece.size(), buffer.size());
        std::copy_n(piece.data(), count, reinterpret_cast<char*>(buffer.data()));
        piece.remove_prefix(count);
        if (piece.empty())
            ++next_;
        return {count, IoStatus::ok};
    }

    IoResult read_some_lazily(ReadBuffer& buffer, const ReadLimits&, error_code& error) override {
        static_cast<void>(buffer.obtain());  // a try for which it is too early,
        buffer.give_back();                  // and a wait
        return read_some(buffer.obtain(), error);
    }

    IoResult write_all(std::string_view, error_code&) override { return {0, IoStatus::eof}; }
    [[nodiscard]] int fileno() const noexcept override { return -1; }
    [[nodiscard]] std::string peer_name() const override { return "a fuzzer"; }

private:
    IoResult at_end(error_code& error) const {
        switch (end_) {
            case End::eof: return {0, IoStatus::eof};
            case End::stopped: return {0, IoStatus::stopped};
            case End::timed_out: return {0, IoStatus::timed_out};
            case End::reset: error = system_code(ECONNRESET);
        }
        return {0, IoStatus::ok};
    }

    std::vector<std::string_view> pieces_;
    End end_;
    std::size_t next_ = 0;
};

// What reading gives: bytes, or an errno.
struct Outcome {
    std::string bytes = {};
    int error = 0;

    friend bool operator==(const Outcome&, const Outcome&) = default;
};

// What should come of each operation, by looking at all that the stream will ever give.
class Model {
public:
    Model(std::string_view text, End end) : rest_(text), end_(end) {}

    void set_max_lines(std::size_t count) { lines_left_ = count == 0 ? std::nullopt : std::optional{count}; }

    Outcome readline(std::size_t limit) {
        if (lines_left_ == 0U)
            return {};
        Outcome line = next_line(limit);
        rest_.remove_prefix(line.bytes.size());
        if (lines_left_ && !line.bytes.empty())
            --*lines_left_;
        return line;
    }

    Outcome read(std::size_t size) {
        return size > rest_.size() && failure() != 0 ? lost(failure()) : take(std::min(size, rest_.size()));
    }

    Outcome read_exact(std::size_t size) {
        return size > rest_.size() ? lost(failure() != 0 ? failure() : ECONNABORTED) : take(size);
    }

    Outcome read_all(std::size_t limit) {
        if (rest_.size() > limit)
            return {"", EMSGSIZE};
        return failure() != 0 ? lost(failure()) : take(rest_.size());
    }

    // Some bytes, at least one if there are any.
    void check_some(const Outcome& some, std::size_t limit) {
        if (rest_.empty()) {
            require(some == Outcome{"", failure()}, "at the end come no bytes");
            return;
        }
        require(!some.bytes.empty() && some.bytes.size() <= limit && rest_.starts_with(some.bytes),
                "some bytes are the next ones");
        take(some.bytes.size());
    }

    [[nodiscard]] bool at_end() const { return rest_.empty(); }

private:
    Outcome take(std::size_t size) {
        Outcome taken{std::string(rest_.substr(0, size))};
        rest_.remove_prefix(size);
        return taken;
    }

    // What has come before a failure is gone.
    Outcome lost(int error) {
        rest_ = {};
        return {"", error};
    }

    [[nodiscard]] int failure() const {
        return end_ == End::timed_out ? ETIMEDOUT : end_ == End::reset ? ECONNRESET : 0;
    }

    [[nodiscard]] Outcome next_line(std::size_t limit) const {
        const std::size_t newline = rest_.find('\n');
        if (newline != std::string_view::npos) {
            const std::string_view line = rest_.substr(0, newline + 1);
            const std::size_t line_end = line.ends_with("\r\n") ? 2 : 1;
            return line.size() - line_end > limit ? Outcome{"", EMSGSIZE} : Outcome{std::string(line)};
        }
        // A CR at the end could have been the first half of a line end, for all that anybody knows if the stream fails.
        const bool may_end = rest_.size() == limit + 1 && rest_.ends_with('\r') && failure() != 0;
        if (rest_.size() > limit && !may_end)
            return {"", EMSGSIZE};
        if (failure() != 0)
            return {"", failure()};
        return end_ == End::stopped ? Outcome{} : Outcome{std::string(rest_)};
    }

    std::string_view rest_;
    End end_;
    std::optional<std::size_t> lines_left_;
};

template <class Read>
Outcome outcome_of(Read read) {
    try {
        return {std::string(read())};
    } catch (const system_error& failure) {
        return {"", failure.code().value()};
    }
}

Outcome without_line_end(Outcome line) {
    std::string& text = line.bytes;
    if (text.ends_with("\r\n"))
        text.resize(text.size() - 2);
    else if (text.ends_with('\n'))
        text.pop_back();
    return line;
}

// A reader, and what it should do.
struct Pair {
    BufferedReader& reader;
    Model& model;

    void readline(std::size_t limit, bool unbuffered) const {
        const Outcome line = model.readline(limit);
        require(outcome_of([&] { return reader.readline(limit); }) == line, "readline()");
        require(!unbuffered || !line.bytes.ends_with('\n') || reader.buffered() == 0,
                "unbuffered, nothing past the line is taken");
    }

    void read_line(std::size_t limit) const {
        const Outcome line = model.readline(limit);
        bool at_end = false;
        const Outcome read = outcome_of([&] {
            const auto text = reader.read_line(limit);
            at_end = !text;
            return text.value_or("");
        });
        require(at_end == (line == Outcome{}), "read_line() tells of the end");
        require(read == without_line_end(line), "read_line()");
    }

    void read_exact(std::size_t size) const {
        std::string block(size, ' ');
        const Outcome read = outcome_of([&] {
            reader.read_exact(std::as_writable_bytes(std::span(block)));
            return block;
        });
        require(read == model.read_exact(size), "read_exact()");
    }

    // Whether it is known what comes next.
    [[nodiscard]] bool read_all(std::size_t limit) const {
        const Outcome all = model.read_all(limit);
        require(outcome_of([&] { return reader.read_all(limit); }) == all, "read_all()");
        return all.error != EMSGSIZE;
    }
};

// Some operations, as chosen; each outcome is what the model says.
void check(Input input, std::vector<std::string_view> pieces, End end, std::size_t buffer_size) {
    Pieces stream(std::move(pieces), end);
    BufferedReader reader(stream);
    Model model(input.text(), end);
    const Pair both{reader, model};
    if (buffer_size != BufferedReader::default_buffer_size)
        reader.set_buffer_size(buffer_size);
    const std::size_t max_lines = input.choose(4);
    reader.set_max_lines(max_lines);
    model.set_max_lines(max_lines);
    const bool unbuffered = buffer_size == 0;
    std::size_t most = unbuffered ? 0 : BufferedReader::default_buffer_size;
    constexpr int most_operations = 16;
    for (int i = 0; i < most_operations && (input.has_choices() || !model.at_end()); ++i) {
        const std::size_t operation = input.choose(6);
        const std::size_t size = input.has_choices() ? input.choose(64) : BufferedReader::default_line_limit;
        most = std::max(most, (unbuffered ? 1 : 2) * (size + 2));
        switch (operation) {
            case 0: both.readline(size, unbuffered); break;
            case 1: both.read_line(size); break;
            case 2: model.check_some(outcome_of([&] { return reader.read_some(size + 1); }), size + 1); break;
            case 3: require(outcome_of([&] { return reader.read(size); }) == model.read(size), "read()"); break;
            case 4: both.read_exact(size); break;
            default:
                if (!both.read_all(size))
                    return;
        }
        require(reader.buffered() <= most, "the buffer does not grow past what the longest line needs");
    }
}

}  // namespace

void fuzz_lines(std::string_view bytes) {
    Input input(bytes);
    const auto end = static_cast<End>(input.choose(4));
    constexpr std::array<std::size_t, 5> buffer_sizes{BufferedReader::default_buffer_size, 0, 1, 7, 2'000};
    const std::size_t buffer_size = buffer_sizes.at(input.choose(buffer_sizes.size()));
    // The pieces' choices are those of the operations, too: that makes as many different runs.
    check(input, Input(input).pieces(), end, buffer_size);
    check(input, input.whole(), end, buffer_size);
}

}  // namespace socketserver::fuzz
