/// \file
/// A gopher client (RFC 1436): prints the document that a selector names.

#include "client_program.hpp"
#include "payload.hpp"

#include <socketserver/handlers/gopher_protocol.hpp>
#include <socketserver/socketserver.hpp>

#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ss = socketserver;
using client_program::UsageError;
using namespace std::chrono_literals;

namespace {

struct CommandLine {
    bool text = false;
    bool raw = false;
    std::string host;
    std::string selector;
    int port = ss::gopher_port;
};

client_program::ProgramHelp about() {
    return {.program = "gopher_client",
            .description =
                "Prints a document of a gopher server (RFC 1436).\n\n"
                "Without --text and --raw the client takes a document for a text, unless SELECTOR ends like the "
                "name of an image or "
                "of an HTML page, or the first bytes hold a NUL. On a terminal control characters in it stand as "
                "\\xNN, unless --raw is "
                "given.",
            .exit_statuses = {{"0", "the document was printed"},
                              {"1", "there is no such document, or not all of it came"},
                              {"2", "the command line is wrong"}},
            .examples = {"gopher_client 127.0.0.1 README.md 7070"},
            .see_also = {"gopher_server(1)", "fetch(1)"}};
}

/// What the server is to be sent; throws if that is no selector.
std::string parse_selector(const std::string& text) {
    if (const auto request = ss::parse_gopher_request(text + "\r\n"); request.is_error())
        throw UsageError(request.error());
    if (text.find('\n') != std::string::npos)
        throw UsageError("the selector holds control characters");
    return text;
}

client_program::ProgramOptions declare(CommandLine& line) {
    auto options = client_program::client_options();
    options("text", "undo the doubling of dots, end lines with LF, drop the last line: a text or a menu", line.text);
    options("raw", "print the document as it comes", line.raw).not_with = {"text"};
    options.argument("HOST", "the server's name or address", line.host);
    options.add_argument({.name = "SELECTOR",
                          .description = "the document's name there; \"\" is the server's menu",
                          .store = [&line](const std::string& text) { line.selector = parse_selector(text); }});
    client_program::add_port(options, line.port);
    return options;
}

void print_raw(std::string_view bytes) {
    if (!std::cout.write(bytes.data(), static_cast<std::streamsize>(bytes.size())))
        ss::flush_standard_output();
}

/// Throws if a whole document is an error: one item of type 3.
void check_for_error(std::string_view document) {
    const auto menu = ss::parse_gopher_menu(document);
    if (menu && menu->size() == 1 && menu->front().type == '3')
        throw std::runtime_error("the server says: " + menu->front().display);
}

void print_text(std::string_view front, ss::BufferedReader& document) {
    ss::GopherTextDecoder decoder;
    client_program::Payload payload;
    std::string text;
    for (std::string_view bytes = front; !bytes.empty() && !decoder.ended(); bytes = document.read_some()) {
        text.clear();
        decoder.decode(bytes, text);
        payload.print(text);
    }
    if (decoder.ended())
        return payload.finish();
    if (front.empty())
        throw std::runtime_error("the server closed the connection without a document");
    text.clear();
    decoder.finish(text);
    payload.print(text);
    payload.finish();
    throw std::runtime_error("the document came without its last line, a dot: it may not be all");
}

bool is_text(const CommandLine& line, std::string_view front) {
    if (line.text || line.raw)
        return line.text;
    return !ss::gopher_type_by_suffix(line.selector) && front.find('\0') == std::string_view::npos;
}

void print_document(const CommandLine& line) {
    ss::Socket socket = ss::create_connection(line.host, line.port, 60s);
    socket.sendall(line.selector + "\r\n");
    ss::BufferedReader document(socket);
    // Enough to tell what it is.
    const std::string front = document.read(4096);
    if (!line.raw)
        check_for_error(front);
    if (is_text(line, front)) {
        print_text(front, document);
        return;
    }
    client_program::Payload payload;
    for (std::string_view bytes = front; !bytes.empty(); bytes = document.read_some()) {
        if (line.raw)
            print_raw(bytes);
        else
            payload.print(bytes);
    }
    payload.finish();
}

int run(const CommandLine& line) {
    print_document(line);
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char* argv[]) {
    CommandLine line;
    auto options = declare(line);
    return client_program::run(
        about(), options, [] {}, [&line] { return run(line); }, argc, argv);
}
