/// \file
/// The daytime service (RFC 867): `nc 127.0.0.1 1313`.

#include <socketserver/handlers/daytime_handler.hpp>
#include <socketserver/run_server.hpp>

namespace ss = socketserver;

int main(int argc, char* argv[]) {
    return ss::run_server<ss::DaytimeHandler, ss::DaytimeDatagramHandler>(argc, argv);
}
