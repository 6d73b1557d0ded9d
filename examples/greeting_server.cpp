/// \file
/// A greeting: `nc 127.0.0.1 8088`.

#include <socketserver/handlers/greeting_protocol.hpp>
#include <socketserver/run_server.hpp>

namespace ss = socketserver;

int main(int argc, char* argv[]) {
    return ss::run_server<ss::GreetingProtocol>(argc, argv);
}
