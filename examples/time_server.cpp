/// \file
/// The time service: `printf 'hello\n' | nc -q1 127.0.0.1 21567`.

//! [main]
#include <socketserver/handlers/time_handler.hpp>
#include <socketserver/run_server.hpp>

namespace ss = socketserver;

int main(int argc, char* argv[]) {
    return ss::run_server<ss::TimeHandler, ss::TimeDatagramHandler>(argc, argv);
}
//! [main]
