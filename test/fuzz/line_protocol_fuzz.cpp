#include "input.hpp"
#include "targets.hpp"

#include <handlers/no_connection.hpp>

#include <socketserver/line_protocol.hpp>

#include <string>
#include <vector>

namespace socketserver::fuzz {

namespace {

constexpr std::size_t longest_line = 20;

// Keeps what it is called for; a line may be a command.
class Lines : public LineProtocol {
public:
    explicit Lines(test::NoConnection& none) : LineProtocol(none.connection, none.client, none.server) {
        max_length = longest_line;
    }

    void line_received(std::string_view line) override {
        require(!transport.closing(), "no line comes once the connection is being closed");
        require(line.size() <= max_length, "a line is no longer than it may be");
        calls.push_back("line " + std::string(line));
        if (line.starts_with("raw"))
            set_raw_mode();
        else if (line.starts_with("block"))
            set_terminator(1 + line.size() % longest_line);
        else if (line.starts_with("lines"))
            set_line_mode();
        else if (line.starts_with("again"))
            set_line_mode(line.substr(5));
        else if (line.starts_with("until") && line.size() > 5)
            set_terminator(line.substr(5));
        else if (line.starts_with("close"))
            transport.lose_connection();
    }

    void raw_data_received(std::string_view data) override {
        require(!data.empty(), "raw data is at least a byte");
        raw_ += data;
        // Up to a '!', the rest is lines again.
        const std::size_t end = raw_.find('!');
        if (end == std::string::npos)
            return;
        calls.push_back("raw " + raw_.substr(0, end));
        const std::string unread = raw_.substr(end + 1);
        raw_.clear();
        set_line_mode(unread);
    }

    void line_length_exceeded(std::string_view beginning) override {
        require(beginning.size() == max_length, "of a line that is too long comes what a line may have");
        calls.push_back("long " + std::string(beginning));
    }

    void rest_received(std::string_view rest) override { calls.push_back("rest " + std::string(rest)); }

    std::vector<std::string> calls;

private:
    std::string raw_;
};

std::vector<std::string> calls_for(const std::vector<std::string_view>& pieces) {
    test::NoConnection none;
    Lines lines(none);
    for (const std::string_view piece : pieces)
        lines.data_received(piece);
    lines.eof_received();
    return lines.calls;
}

}  // namespace

void fuzz_line_protocol(std::string_view bytes) {
    Input input(bytes);
    const auto in_pieces = calls_for(input.pieces());
    require(in_pieces == calls_for(input.whole()), "lines are the same whatever the pieces in which they come");
    std::vector<std::string_view> single;
    for (std::size_t i = 0; i < input.text().size(); ++i)
        single.push_back(input.text().substr(i, 1));
    require(in_pieces == calls_for(single), "lines are the same byte by byte");
}

}  // namespace socketserver::fuzz
