/// \file
/// The echo service: `printf 'hello\n' | nc -q1 127.0.0.1 7007`.

#include <socketserver/handlers/echo_handler.hpp>
#include <socketserver/run_server.hpp>

namespace ss = socketserver;

int main(int argc, char* argv[]) {
    return ss::run_server<ss::EchoHandler, ss::EchoDatagramHandler>(argc, argv);
}
