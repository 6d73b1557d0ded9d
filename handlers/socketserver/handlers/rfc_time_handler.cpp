#include <socketserver/handlers/rfc_time_handler.hpp>

#include <socketserver/handlers/reply_guard.hpp>

namespace socketserver {

std::array<char, 4> rfc868_time(std::chrono::system_clock::time_point when) noexcept {
    constexpr std::int64_t seconds_from_1900_to_1970 = 2'208'988'800;  // RFC 868
    const auto since_1970 = std::chrono::floor<std::chrono::seconds>(when.time_since_epoch()).count();
    const auto seconds = static_cast<std::uint32_t>(since_1970 + seconds_from_1900_to_1970);
    return {static_cast<char>(seconds >> 24U), static_cast<char>(seconds >> 16U), static_cast<char>(seconds >> 8U),
            static_cast<char>(seconds)};
}

void RfcTimeHandler::handle() {
    const auto time = rfc868_time(std::chrono::system_clock::now());
    wfile << std::string_view(time.data(), time.size());
}

void RfcTimeDatagramHandler::handle() {
    const auto time = rfc868_time(std::chrono::system_clock::now());
    if (may_be_answered(client_address, server.server_address()))
        wfile << std::string_view(time.data(), time.size());
}

}  // namespace socketserver
