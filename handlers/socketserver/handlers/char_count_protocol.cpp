#include <socketserver/handlers/char_count_protocol.hpp>

#include <socketserver/utf8.hpp>

namespace socketserver {

void CharCountProtocol::connection_made() {
    transport << "welcome, " << transport.peer() << "\nPlease enter a string:";
}

void CharCountProtocol::line_received(std::string_view line) {
    transport << "You entered " << count_characters(line) << " characters.\n";
    transport.lose_connection();
}

void CharCountProtocol::line_length_exceeded(std::string_view) {
    transport << "Too long: a string may have " << max_length << " bytes.\n";
    transport.lose_connection();
}

}  // namespace socketserver
