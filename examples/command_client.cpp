/// \file
/// The client of the command service, over TCP and Unix sockets: sends each line, prints the command's output, and ends with
/// the status of the last one.

#include "line_client.hpp"
#include "payload.hpp"

#include <socketserver/handlers/command_reply.hpp>

#include <algorithm>
#include <stdexcept>

namespace ss = socketserver;

namespace {

client_program::ProgramHelp about() {
    return {.program = "command_client",
            .description = "Runs each line on a command server and prints the output. An empty line or the end of "
                           "input ends the client. On a terminal control characters in the output stand as \\xNN.",
            .exit_statuses =
                {{"N", "the exit status of the last command"},
                 {"128 + N", "signal N killed the last command"},
                 {"124", "the last command ran out of time"},
                 {"125", "the last command wrote too much"},
                 {"1", "the server could not be asked, did not run the command, or its output could not be written"},
                 {"2", "the command line is wrong"}},
            .examples = {"echo uptime | command_client", "command_client --unix @commands"},
            .see_also = {"command_server(1)"}};
}

ss::CommandReply read_head(ss::BufferedReader& replies) {
    constexpr std::size_t longest_line = 64;
    const std::string line(replies.readline(longest_line));
    if (line.empty())
        throw std::runtime_error("the server closed the connection");
    const auto head = ss::parse_command_reply(line);
    if (!head)
        throw std::runtime_error(
            "a broken reply: " +
            (head.is_error() ? head.error() : std::string("the connection ended within its first line")));
    return *head;
}

template <class Print>
void copy_output(ss::BufferedReader& replies, std::size_t length, Print print) {
    constexpr std::size_t piece = 65'536;
    while (length > 0) {
        const std::string_view bytes = replies.read_some(std::min(length, piece));
        if (bytes.empty())
            throw std::runtime_error("a broken reply: the connection ended " + std::to_string(length) +
                                     " bytes before the end of the output");
        print(bytes);
        length -= bytes.size();
    }
}

int to_exit_status(const ss::CommandReply& reply) {
    constexpr int timeout = 124;  // as timeout(1) says it
    constexpr int truncated = 125;
    switch (reply.end) {
        case ss::CommandReply::End::exited: return reply.status;
        case ss::CommandReply::End::timeout: return timeout;
        case ss::CommandReply::End::truncated: return truncated;
        case ss::CommandReply::End::error: break;
    }
    return EXIT_FAILURE;
}

/// \return the status of the last command
int use(const line_client::Server& server) {
    ss::Socket socket = server.connect();
    ss::BufferedReader replies(socket);
    int status = EXIT_SUCCESS;
    line_client::converse([&](const std::string& command) {
        socket.sendall(command + '\n');
        const ss::CommandReply reply = read_head(replies);
        if (reply.end == ss::CommandReply::End::error) {
            std::string why;
            copy_output(replies, reply.length, [&why](std::string_view bytes) { why += bytes; });
            if (why.ends_with('\n'))
                why.pop_back();
            std::cerr << "command_client: " << ss::printable(why) << '\n';
        } else {
            client_program::Payload payload;
            copy_output(replies, reply.length, [&payload](std::string_view bytes) { payload.print(bytes); });
            payload.finish();
        }
        ss::flush_standard_output();
        if (reply.end == ss::CommandReply::End::timeout)
            std::cerr << "command_client: the command was killed: its time was over\n";
        if (reply.end == ss::CommandReply::End::truncated)
            std::cerr << "command_client: the command was killed: it wrote too much\n";
        status = to_exit_status(reply);
    });
    return status;
}

}  // namespace

int main(int argc, char* argv[]) {
    return line_client::run(about(), {.port = 8082}, argc, argv, use);
}
