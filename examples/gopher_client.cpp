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

enum class Kind { guess, text, raw };

struct CommandLine : client_program::CommandLine {
    Kind kind = Kind::guess;
    std::string host;
    std::string selector;
    int port = ss::gopher_port;
};

constexpr std::string_view usage = "usage: gopher_client [--text | --raw] [--help] [--version] HOST SELECTOR [PORT]\n";
constexpr std::string_view help =
    R"(Prints the document that a selector names on a gopher server.

  HOST       the server's name or address
  SELECTOR   which document; "" is the server's menu
  PORT       the server's port (default: 70)
  --text     the document is a text or a menu: undo the doubling of dots, end lines with LF, leave the last line out
  --raw      print what comes as it comes
  --help     print this and exit
  --version  print the version and exit

Without --text and --raw a document is taken for a text, unless SELECTOR ends like an image's or HTML's name, or
there is a NUL in what comes first. On a terminal control characters in it are shown as \xNN, unless --raw is given.
)";

CommandLine parse(int argc, char* argv[]) {
    CommandLine line;
    bool text = false;
    bool raw = false;
    auto options = client_program::common_options(line);
    options("text", "the document is a text or a menu", text);
    options("raw", "print what comes as it comes", raw);
    const auto document = client_program::read(argc, argv, options, 3).arguments;
    if (line.help || line.version)
        return line;
    if (text && raw)
        throw UsageError("--text and --raw exclude each other");
    line.kind = text ? Kind::text : raw ? Kind::raw : Kind::guess;
    if (document.size() < 2)
        throw UsageError(document.empty() ? "HOST and SELECTOR are missing" : "SELECTOR is missing");
    line.host = document[0];
    line.selector = document[1];
    if (document.size() > 2)
        line.port = client_program::parse_port(document[2]);
    if (const auto request = ss::parse_gopher_request(line.selector + "\r\n"); request.is_error())
        throw UsageError("SELECTOR: " + request.error());
    if (line.selector.find('\n') != std::string::npos)
        throw UsageError("SELECTOR: the selector holds control characters");
    return line;
}

void require_output() {
    if (!std::cout)
        throw std::runtime_error("cannot write to standard output");
}

void print(client_program::Payload& payload, std::string_view bytes) {
    payload.print(bytes);
    require_output();
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
        print(payload, text);
    }
    if (decoder.ended())
        return payload.finish();
    if (front.empty())
        throw std::runtime_error("the server closed the connection without a document");
    text.clear();
    decoder.finish(text);
    print(payload, text);
    payload.finish();
    throw std::runtime_error("the document came without its last line, a dot: it may not be all");
}

bool is_text(const CommandLine& line, std::string_view front) {
    if (line.kind != Kind::guess)
        return line.kind == Kind::text;
    return !ss::gopher_type_by_suffix(line.selector) && front.find('\0') == std::string_view::npos;
}

void print_document(const CommandLine& line) {
    ss::Socket socket = ss::create_connection(line.host, line.port, 60s);
    socket.sendall(line.selector + "\r\n");
    ss::BufferedReader document(socket);
    // Enough to tell what it is.
    const std::string front = document.read(4096);
    if (line.kind != Kind::raw)
        check_for_error(front);
    if (is_text(line, front)) {
        print_text(front, document);
        return;
    }
    client_program::Payload payload;
    for (std::string_view bytes = front; !bytes.empty(); bytes = document.read_some()) {
        if (line.kind == Kind::raw)
            std::cout << bytes;
        else
            payload.print(bytes);
        require_output();
    }
    payload.finish();
}

int run(const CommandLine& line) {
    print_document(line);
    if (!std::cout.flush())
        throw std::runtime_error("cannot write to standard output");
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char* argv[]) {
    return client_program::run(
        {"gopher_client", usage, help}, [=] { return parse(argc, argv); }, run);
}
