#include "input.hpp"
#include "targets.hpp"

#include <fetch/http.hpp>
#include <fetch/output.hpp>
#include <programs/scripted_server.hpp>
#include <support/temporary_directory.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <exception>
#include <string>
#include <vector>

namespace socketserver::fuzz {

namespace {

// What a program wrote into it can be read, as long as it is no more than a pipe holds.
class Pipe {
public:
    Pipe() {
        require(::mkfifo(path().c_str(), 0600) == 0, "a pipe can be made");
        reader_ = test::detail::ClientSocket(::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        require(reader_.get() >= 0, "a pipe can be opened");
    }

    [[nodiscard]] std::string path() const { return folder_ / "pipe"; }

    [[nodiscard]] std::string read_all() const {
        std::string bytes;
        std::array<char, 4096> piece{};
        for (ssize_t count = 1; count > 0;) {
            count = ::read(reader_.get(), piece.data(), piece.size());
            bytes.append(piece.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        }
        return bytes;
    }

private:
    test::TemporaryDirectory folder_;
    test::detail::ClientSocket reader_;
};

struct Fetched {
    std::string header;
    std::string error;
    std::string body;
};

// Fetches a document from a server that answers each request by these pieces.
Fetched fetch_from(const std::vector<std::string_view>& pieces, const Pipe& pipe) {
    test::ScriptedServer server([&](test::Client& client, int) {
        constexpr int at_once = 1;
        ::setsockopt(client.fd(), IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
        server.read_request(client);
        for (const std::string_view piece : pieces)
            client.send(piece);
    });
    Fetched fetched;
    try {
        fetch::Output output(pipe.path());
        fetched.header = fetch::by_http(parse_url(server.url()).value(), std::chrono::seconds(20), output);
    } catch (const std::exception& failure) {
        fetched.error = failure.what();
        require(std::none_of(fetched.error.begin(), fetched.error.end(),
                             [](char c) { return std::iscntrl(static_cast<unsigned char>(c)) != 0; }),
                "what goes wrong is one line");
    }
    fetched.body = pipe.read_all();
    return fetched;
}

// Whether a reply may send the client elsewhere than to this server: nobody else is to be asked.
bool leads_away(std::string_view reply) {
    std::string text(reply);
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    constexpr std::string_view name = "location";
    constexpr std::string_view here = ": /";
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
        const std::string_view value = std::string_view(text).substr(at + name.size());
        if (!value.starts_with(here) || value.substr(here.size()).starts_with('/'))
            return true;
    }
    return false;
}

}  // namespace

void fuzz_http(std::string_view bytes) {
    Input input(bytes);
    if (leads_away(input.text()))
        return;
    const Pipe pipe;
    const Fetched whole = fetch_from(input.whole(), pipe);
    require(whole.header.empty() != whole.error.empty(), "there is a header, or it is said why not");
    require(whole.body.size() <= input.text().size(), "a body is made of bytes that came");
    // Of a header that is wrong and also not all there, Beast says the one or the other.
    const Fetched in_pieces = fetch_from(input.pieces(), pipe);
    require(in_pieces.header == whole.header, "a reply is the same whatever the pieces in which it comes");
    require(whole.header.empty() ? in_pieces.body.starts_with(whole.body) || whole.body.starts_with(in_pieces.body)
                                 : in_pieces.body == whole.body,
            "a document is the same whatever the pieces in which it comes");
}

}  // namespace socketserver::fuzz
