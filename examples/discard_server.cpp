/// \file
/// The discard service (RFC 863): `nc 127.0.0.1 9009 </dev/zero`.

#include <socketserver/handlers/discard_handler.hpp>
#include <socketserver/run_server.hpp>

namespace ss = socketserver;

int main(int argc, char* argv[]) {
    return ss::run_server<ss::DiscardHandler, ss::DiscardDatagramHandler>(argc, argv);
}
