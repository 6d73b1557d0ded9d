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

struct CommandLine {
    std::string url_text;
    ss::Url url;
    ss::GopherDocument document;  // what a gopher URL names
    std::string local;            // what a file URL names
    std::string file;
    Timeout timeout = std::chrono::seconds(30);
};

client_program::ProgramHelp about() {
    return {
        .program = "fetch",
        .description = "Prints or stores the document that a URL names.\n\n"
                       "With FILE, stores the document there "
                       "and prints the header of an HTTP reply. Follows at most 10 HTTP redirections. On a terminal "
                       "control characters in the "
                       "document stand as \\xNN.",
        .exit_statuses = {{"0", "the document is complete"},
                          {"1", "there is no such document, not all of it came, or a file changed while it was read"},
                          {"2", "the command line is wrong"}},
        .examples = {"fetch http://127.0.0.1:8080/time", "fetch gopher://127.0.0.1:7070/0README.md README"},
        .see_also = {"http_server(1)", "gopher_server(1)", "curl(1)"}};
}

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

client_program::ProgramOptions declare(CommandLine& line) {
    auto options = client_program::client_options();
    options.add({.name = "timeout",
                 .value_name = "S",
                 .description = "wait for the server S seconds at each step; 0 disables",
                 .default_value = "30",
                 .store = [&line](const std::string& value) {
                     const auto seconds = ss::detail::parse_seconds(value);
                     line.timeout = seconds.count() == 0 ? std::nullopt : Timeout(seconds);
                 }});
    options.argument("URL", "http://HOST[:PORT]/PATH, gopher://HOST[:PORT]/TSELECTOR or file:///PATH", line.url_text);
    options.add_argument({.name = "FILE",
                          .description = "where to store the document; stays as it is until the document is complete",
                          .store =
                              [&line](const std::string& name) {
                                  if (name.empty())
                                      throw UsageError("the name is empty");
                                  line.file = name;
                              },
                          .optional = true});
    return options;
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
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char* argv[]) {
    CommandLine line;
    auto options = declare(line);
    return client_program::run(
        about(), options, [&line] { parse_url(line.url_text, line); }, [&line] { return run(line); }, argc, argv);
}
