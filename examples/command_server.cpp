/// \file
/// The command service: `command_client`, then type `date`.

#include <socketserver/handlers/command_handler.hpp>
#include <socketserver/run_server.hpp>

namespace ss = socketserver;

int main(int argc, char* argv[]) {
    return ss::run_server<ss::CommandHandler>(argc, argv);
}
