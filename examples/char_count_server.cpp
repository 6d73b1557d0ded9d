/// \file
/// Counts the characters of a line: `telnet 127.0.0.1 51423`.

#include <socketserver/handlers/char_count_protocol.hpp>
#include <socketserver/run_server.hpp>

namespace ss = socketserver;

int main(int argc, char* argv[]) {
    return ss::run_server<ss::CharCountProtocol>(argc, argv);
}
