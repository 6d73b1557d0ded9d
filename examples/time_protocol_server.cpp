/// \file
/// The time service as an event-style protocol: `printf 'hello\n' | nc -q1 127.0.0.1 21567`.

#include <socketserver/handlers/time_protocol.hpp>
#include <socketserver/run_server.hpp>

namespace ss = socketserver;

int main(int argc, char* argv[]) {
    return ss::run_server<ss::TimeProtocol>(argc, argv);
}
