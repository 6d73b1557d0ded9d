/// \file
/// The client of the time service, over TCP, UDP and Unix sockets: sends each line, prints each reply.

#include "line_client.hpp"
#include "payload.hpp"

#include <sys/un.h>

#include <cerrno>
#include <stdexcept>

namespace ss = socketserver;
using namespace std::chrono_literals;

namespace {

client_program::ProgramHelp about() {
    return {
        .program = "time_client",
        .description =
            "Sends each line to a time server and prints the reply. An empty line or the end of input ends the client. "
            "On a terminal control characters in a reply stand as \\xNN.",
        .exit_statuses = {{"0", "each line was answered"},
                          {"1", "the server could not be asked, or did not answer"},
                          {"2", "the command line is wrong"}},
        .examples = {"time_client 127.0.0.1 21567", "echo hello | time_client --udp"},
        .see_also = {"time_server(1)"}};
}

void use_stream(const line_client::Server& server, line_client::Timeout timeout) {
    ss::Socket socket = server.connect(timeout);
    client_program::Payload payload;
    ss::BufferedReader replies(socket);
    line_client::converse([&](const std::string& question) {
        socket.sendall(question + '\n');
        const auto reply = replies.read_line();
        if (!reply)
            throw std::runtime_error("the server closed the connection");
        payload.print(std::string(*reply) + '\n');
    });
}

void use_datagrams(const line_client::Server& server) {
    const ss::Address address = server.address();
    ss::Socket socket(address.family(), SOCK_DGRAM);
    if (address.family() == AF_UNIX) {
        // A reply needs an address to go to: the kernel chooses an abstract one (unix(7), autobind).
        sockaddr_un any{};
        any.sun_family = AF_UNIX;
        if (::bind(socket.fileno(), reinterpret_cast<const sockaddr*>(&any), sizeof any.sun_family) != 0)
            ss::throw_errno(errno, "bind");
    }
    socket.connect(address);
    client_program::Payload payload;
    const auto ask = [&](const std::string& question) {
        constexpr std::size_t longest_datagram = 65'535;
        constexpr int tries = 3;
        for (int i = 0; i < tries; ++i) {
            socket.send(question);
            const auto deadline = ss::Deadline::after(1s);
            while (socket.wait(ss::Interest::readable, deadline) == ss::WaitResult::ready) {
                // A reply to what was sent again earlier may still come in: "[time] question" tells.
                std::string reply = socket.recv(longest_datagram);
                if (reply.ends_with("] " + question))
                    return reply;
            }
        }
        throw std::runtime_error("no reply from " + server.to_string() + " in 3 seconds");
    };
    line_client::converse([&](const std::string& question) { payload.print(ask(question) + '\n'); });
}

}  // namespace

int main(int argc, char* argv[]) {
    bool udp = false;
    line_client::Timeout timeout = 30s;
    const auto use = [&](const line_client::Server& server) {
        udp ? use_datagrams(server) : use_stream(server, timeout);
        return EXIT_SUCCESS;
    };
    return line_client::run(about(), {.port = 21567}, argc, argv, use, [&](client_program::ProgramOptions& options) {
        options("udp", "send datagrams, each up to 3 times, once a second, until the reply comes", udp);
        options
            .add({.name = "timeout",
                  .value_name = "S",
                  .description = "give up when the server takes longer than S seconds for a step; 0: never",
                  .default_value = "30",
                  .store =
                      [&timeout](const std::string& value) {
                          const auto seconds = ss::detail::parse_seconds(value);
                          timeout = seconds.count() == 0 ? std::nullopt : line_client::Timeout(seconds);
                      }})
            .not_with = {"udp"};
    });
}
