#include <socketserver/handlers/time_handler.hpp>

#include <socketserver/handlers/reply_guard.hpp>
#include <socketserver/os/ctime.hpp>

namespace socketserver {

void TimeHandler::handle() {
    while (const auto line = rfile.read_line())
        wfile << '[' << ctime_now() << "] " << *line << '\n';
}

void TimeDatagramHandler::handle() {
    if (may_be_answered(client_address, server.server_address()))
        wfile << '[' << ctime_now() << "] " << request.data();
}

}  // namespace socketserver
