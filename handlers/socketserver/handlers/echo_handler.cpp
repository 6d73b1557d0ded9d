#include <socketserver/handlers/echo_handler.hpp>

#include <socketserver/handlers/reply_guard.hpp>

namespace socketserver {

void EchoHandler::handle() {
    const auto next = [this] { return raw_ ? rfile.read_some() : rfile.readline(); };
    for (auto data = next(); !data.empty(); data = next())
        wfile << data;
}

void EchoDatagramHandler::handle() {
    if (may_be_answered(client_address, server.server_address()))
        request.reply(request.data());
}

}  // namespace socketserver
