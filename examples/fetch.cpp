/// \file
/// Fetches what a URL names: by HTTP, from a gopher server, or a file.

#include "client_program.hpp"
#include "fetch/http.hpp"
#include "fetch/output.hpp"
#include "payload.hpp"

#include <socketserver/handlers/gopher_url.hpp>
#include <socketserver/os/folder.hpp>
#include <socketserver/socketserver.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace ss = socketserver;
using client_program::UsageError;

namespace {

using Timeout = std::optional<std::chrono::nanoseconds>;

struct CommandLine : client_program::CommandLine {
    ss::Url url;
    ss::GopherDocument document;  // what a gopher URL names
    std::string local;            // what a file URL names
    std::string file;
    Timeout timeout = std::chrono::seconds(30);
};

constexpr std::string_view usage = "usage: fetch [--timeout S] [--help] [--version] URL [FILE]\n";
constexpr std::string_view help =
    R"(Prints the document that a URL names, or stores it in FILE and prints the header of an HTTP reply.

  URL          http://HOST[:PORT]/PATH, gopher://HOST[:PORT]/TSELECTOR or file:///PATH
  FILE         where to store it: it is there when the document is complete, or else is left as it was
  --timeout S  the longest to wait for the server at each step, in seconds; 0: as long as it takes (default: 30)
  --help       print this and exit
  --version    print the version and exit

HTTP redirections are followed, 10 at the most. The exit status is 1 if there is no such document, or not all of it, or if
a file changes while it is read. On a terminal control characters in the document are shown as \xNN.
)";

void parse_url(const std::string& text, CommandLine& line) {
    const auto wrong = [&](const std::string& why) { return UsageError("'" + text + "' is no URL: " + why); };
    const auto url = ss::parse_url(text);
    if (!url)
        throw wrong(url.error());
    line.url = *url;
    if (url->scheme == "gopher") {
        const auto document = ss::parse_gopher_path(line.url);
        if (!document)
            throw wrong(document.error());
        line.document = *document;
    } else if (url->scheme == "file") {
        if (!url->host.empty() && url->host != "localhost")
            throw wrong("a file is on this machine, not on " + url->host);
        line.local = ss::percent_decode(url->path).value_or("");
        if (line.local.empty() || line.local.find('\0') != std::string::npos)
            throw wrong("it names no file");
    } else if (url->scheme != "http") {
        throw UsageError(url->scheme + " is not supported, only http, gopher and file");
    }
}

CommandLine parse(int argc, char* argv[]) {
    CommandLine line;
    auto options = client_program::common_options(line);
    options.add(
        {"timeout", "S", "the longest to wait for the server at each step", "30", [&line](const std::string& value) {
             const auto seconds = ss::detail::parse_seconds(value);
             line.timeout = seconds.count() == 0 ? std::nullopt : Timeout(seconds);
         }});
    const auto arguments = client_program::read(argc, argv, options, 2).arguments;
    if (line.help || line.version)
        return line;
    if (arguments.empty())
        throw UsageError("URL is missing");
    parse_url(arguments[0], line);
    if (arguments.size() > 1) {
        line.file = arguments[1];
        if (line.file.empty())
            throw UsageError("FILE is empty");
    }
    return line;
}

void by_file(const std::string& path, fetch::Output& output) {
    const auto fail = [&] {
        throw std::runtime_error("cannot read " + path + ": " + std::generic_category().message(errno));
    };
    ss::Folder::File file{ss::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY))};
    if (!file.descriptor || ::fstat(file.descriptor.get(), &file.status) != 0)
        fail();
    // No further than the file was long at first: one that is appended to all the time must have an end. Those of the kernel may
    // say that they are empty.
    std::optional<std::uint64_t> left;
    if (S_ISREG(file.status.st_mode) && file.status.st_size > 0)
        output.expect(left.emplace(file.status.st_size));
    std::vector<char> piece(65'536);
    while (left != 0U) {
        const std::size_t most = left ? std::min<std::uint64_t>(piece.size(), *left) : piece.size();
        const ssize_t count = ::read(file.descriptor.get(), piece.data(), most);
        if (count == 0)
            break;
        if (count > 0) {
            output.write({piece.data(), static_cast<std::size_t>(count)});
            if (left)
                *left -= static_cast<std::uint64_t>(count);
        } else if (errno != EINTR) {
            fail();
        }
    }
    if (left && file.has_changed())
        throw std::runtime_error("cannot read " + path + ": it changed while it was read");
}

/// Throws if a document is an error: one item of type 3, and nothing else.
void check_for_error(std::string_view document) {
    const auto menu = ss::parse_gopher_menu(document);
    if (!menu || menu->size() != 1 || menu->front().type != '3')
        return;
    throw std::runtime_error("the server says: " + menu->front().display);
}

/// As much of a document as an error can be long: all of it, if it is shorter.
std::string read_front(ss::BufferedReader& reply, bool is_text) {
    std::string front;
    while (front.size() < ss::gopher_line_limit) {
        const std::string_view bytes = reply.read_some();
        front += bytes;
        // A server may keep the connection open behind the last line of a text.
        if (bytes.empty() || (is_text && ss::parse_gopher_text(front).has_value()))
            break;
    }
    return front;
}

void by_gopher(const CommandLine& line, fetch::Output& output) {
    const std::string server = line.url.authority();
    ss::Socket socket = ss::create_connection(line.url.host, line.url.port, line.timeout);
    const ss::GopherRequest& request = line.document.request;
    socket.sendall(request.selector + (request.search.empty() ? "" : '\t' + request.search) + "\r\n");
    ss::BufferedReader reply(socket);
    constexpr std::string_view texts = "0137";
    const bool is_text = texts.find(line.document.type) != std::string_view::npos;
    const std::string front = read_front(reply, is_text);
    if (front.empty())
        throw std::runtime_error(server + " closed the connection without a document");
    check_for_error(front);
    if (!is_text) {
        for (std::string_view bytes = front; !bytes.empty(); bytes = reply.read_some())
            output.write(bytes);
        return;
    }
    ss::GopherTextDecoder decoder;
    std::string text;
    for (std::string_view bytes = front; !bytes.empty(); bytes = reply.read_some()) {
        text.clear();
        decoder.decode(bytes, text);
        output.write(text);
        if (decoder.ended())
            return;
    }
    throw std::runtime_error("the document of " + server + " breaks off: its last line, a dot, is missing");
}

int run(const CommandLine& line) {
    std::optional<fetch::Output> output;
    if (line.file.empty())
        output.emplace();
    else
        output.emplace(line.file);
    std::string header;
    if (line.url.scheme == "http")
        header = fetch::by_http(line.url, line.timeout, *output);
    else if (line.url.scheme == "gopher")
        by_gopher(line, *output);
    else
        by_file(line.local, *output);
    output->finish();
    if (line.file.empty())
        return EXIT_SUCCESS;
    client_program::Payload payload;
    payload.print(header);
    payload.finish();
    if (!(std::cout << std::flush))
        throw std::runtime_error("cannot write standard output");
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char* argv[]) {
    return client_program::run(
        {"fetch", usage, help}, [=] { return parse(argc, argv); }, run);
}
