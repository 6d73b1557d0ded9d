/// \file
/// A gopher server over a folder: `curl gopher://127.0.0.1:7070/`.

#include <socketserver/handlers/gopher_handler.hpp>
#include <socketserver/run_server.hpp>

namespace ss = socketserver;

int main(int argc, char* argv[]) {
    return ss::run_server<ss::GopherHandler>(argc, argv);
}
