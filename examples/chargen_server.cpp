/// \file
/// The character generator (RFC 864): `nc 127.0.0.1 1919 | head`.

#include <socketserver/handlers/chargen_handler.hpp>
#include <socketserver/run_server.hpp>

namespace ss = socketserver;

int main(int argc, char* argv[]) {
    return ss::run_server<ss::ChargenHandler, ss::ChargenDatagramHandler>(argc, argv);
}
