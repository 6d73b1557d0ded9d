#include <socketserver/handlers/daytime_handler.hpp>

#include <socketserver/handlers/reply_guard.hpp>
#include <socketserver/os/ctime.hpp>

namespace socketserver {

namespace {

constexpr std::string_view line_end = "\r\n";

}  // namespace

void DaytimeHandler::handle() {
    wfile << ctime_now() << line_end;
}

void DaytimeDatagramHandler::handle() {
    if (may_be_answered(client_address, server.server_address()))
        wfile << ctime_now() << line_end;
}

}  // namespace socketserver
