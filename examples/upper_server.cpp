/// \file
/// Capitals: `printf 'hello\n' | nc -q1 127.0.0.1 8081`.

#include <socketserver/handlers/upper_protocol.hpp>
#include <socketserver/run_server.hpp>

namespace ss = socketserver;

int main(int argc, char* argv[]) {
    return ss::run_server<ss::UpperProtocol>(argc, argv);
}
