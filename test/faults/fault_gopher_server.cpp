/// \file
/// gopher_server, with faults of reading files.

#include "injection.hpp"

#include <socketserver/handlers/gopher_handler.hpp>
#include <socketserver/run_server.hpp>

int main(int argc, char* argv[]) {
    socketserver::test::begin_injection();
    return socketserver::run_server<socketserver::GopherHandler>(argc, argv);
}
