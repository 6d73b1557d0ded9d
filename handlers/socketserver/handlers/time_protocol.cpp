#include <socketserver/handlers/time_protocol.hpp>

#include <socketserver/os/ctime.hpp>

#include <string>

namespace socketserver {

void TimeProtocol::line_received(std::string_view line) {
    factory.count_line();
    transport << '[' << ctime_now() << "] " << line << '\n';
}

void TimeProtocol::connection_lost(const error_code&) {
    server.log(Severity::info, "... disconnected: " + transport.peer().to_string() + "; " +
                                   std::to_string(factory.connections()) + " connected, " +
                                   std::to_string(factory.lines()) + " lines answered");
}

}  // namespace socketserver
