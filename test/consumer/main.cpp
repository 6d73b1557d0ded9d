// A program of somebody else: one handler, one server, one connection served.

#include <socketserver/net/asio_stream.hpp>
#include <socketserver/socketserver.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <type_traits>

namespace ss = socketserver;

namespace {

// It takes no more than Boost's headers.
static_assert(std::is_constructible_v<ss::AsioStream<>, ss::Socket&>);

class Greeter : public ss::StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;
    void handle() override {
        while (auto line = rfile.read_line()) {
            wfile << "hello, " << *line << '\n';
        }
    }
};

/// Connects, sends all it has to say and ends its side.
int start_dialogue(std::uint16_t port, std::string_view request) {
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::send(client, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()) ||
        ::shutdown(client, SHUT_WR) != 0) {
        std::perror("consumer: client");
        std::exit(1);
    }
    return client;
}

std::string read_all(int client) {
    std::string received;
    char buffer[256];
    for (ssize_t got = 0; (got = ::recv(client, buffer, sizeof buffer, 0)) > 0;) {
        received.append(buffer, static_cast<std::size_t>(got));
    }
    ::close(client);
    return received;
}

}  // namespace

int main() {
    ss::TCPServer<Greeter, ss::Threading> server({"127.0.0.1", 0});
    const int client = start_dialogue(server.server_address().port(), "world\n");
    server.handle_request();
    const std::string reply = read_all(client);
    server.server_close();
    std::cout << reply;
    return reply == "hello, world\n" ? 0 : 1;
}
