#include <socketserver/handlers/greeting_protocol.hpp>

namespace socketserver {

void GreetingProtocol::connection_made() {
    transport << "Thank you for connection\n";
    transport.lose_connection();
}

}  // namespace socketserver
