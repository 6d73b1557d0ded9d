#include <socketserver/handlers/echo_handler.hpp>

namespace socketserver {

void EchoHandler::handle() {
    const auto next = [this] { return raw_ ? rfile.read_some() : rfile.readline(); };
    for (auto data = next(); !data.empty(); data = next())
        wfile << data;
}

void EchoDatagramHandler::handle() {
    constexpr std::uint16_t first_unprivileged_port = 1024;
    if (client_address.family() == AF_UNIX || client_address.port() >= first_unprivileged_port)
        request.reply(request.data());
}

}  // namespace socketserver
