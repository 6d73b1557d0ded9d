/// \file
/// The client of the time service, over TCP, UDP and Unix sockets: sends each line, prints each reply.

#include <socketserver/socketserver.hpp>

#include <boost/program_options.hpp>

#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ss = socketserver;
namespace po = boost::program_options;
using namespace std::chrono_literals;

namespace {

struct CommandLine {
    bool help = false;
    bool udp = false;
    std::string unix_path;
    std::string host = "127.0.0.1";
    int port = 21567;

    [[nodiscard]] std::string server() const {
        return unix_path.empty() ? host + ':' + std::to_string(port) : unix_path;
    }
    [[nodiscard]] ss::Address address() const {
        return unix_path.empty() ? ss::Address(host, port) : ss::Address::unix_path(unix_path);
    }
};

constexpr std::string_view usage = "usage: time_client [--udp] [--unix PATH] [--help] [HOST [PORT]]\n";
constexpr std::string_view help =
    R"(Sends each line to a time server and prints the reply; an empty line or the end of input ends it.

  HOST         the server's name or address (default: 127.0.0.1)
  PORT         the server's port (default: 21567)
  --udp        send datagrams; each is sent up to 3 times, once a second, until the reply comes
  --unix PATH  the server listens on this Unix socket; "@NAME" is an abstract one
  --help       print this and exit
)";

CommandLine parse(int argc, char* argv[]) {
    CommandLine line;
    std::vector<std::string> server;
    po::options_description options;
    options.add_options()("help", po::bool_switch(&line.help))("udp", po::bool_switch(&line.udp))(
        "unix", po::value(&line.unix_path))("server", po::value(&server));
    po::positional_options_description positions;
    positions.add("server", 2);
    po::variables_map values;
    constexpr int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(argc, argv).options(options).positional(positions).style(style).run(), values);
    po::notify(values);
    if (values.count("unix") != 0) {
        if (!server.empty())
            throw po::error("HOST and PORT mean nothing with --unix");
        static_cast<void>(ss::Address::unix_path(line.unix_path));
    }
    if (!server.empty())
        line.host = server[0];
    if (server.size() > 1) {
        const std::string& port = server[1];
        const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), line.port);
        if (error != std::errc{} || end != port.data() + port.size() || line.port < 1 || line.port > 65'535)
            throw po::error("'" + port + "' is not a port: a number from 1 to 65535");
    }
    return line;
}

/// Prompts if somebody is typing, hands each line to ask(), prints what that returns.
void converse(const std::function<std::string(const std::string&)>& ask) {
    const bool somebody_types = ::isatty(STDIN_FILENO) != 0;
    for (std::string line;;) {
        if (somebody_types)
            std::cout << "> " << std::flush;
        if (!std::getline(std::cin, line) || line.empty())
            break;
        std::cout << ask(line) << std::endl;
    }
}

void use_stream(const CommandLine& line) {
    ss::Socket socket =
        line.unix_path.empty() ? ss::create_connection(line.host, line.port) : ss::create_connection(line.address());
    ss::BufferedReader replies(socket);
    converse([&](const std::string& question) {
        socket.sendall(question + '\n');
        const auto reply = replies.read_line();
        if (!reply)
            throw std::runtime_error("the server closed the connection");
        return std::string(*reply);
    });
}

void use_datagrams(const CommandLine& line) {
    const ss::Address server = line.address();
    ss::Socket socket(server.family(), SOCK_DGRAM);
    if (server.family() == AF_UNIX) {
        // A reply needs an address to go to: the kernel chooses an abstract one (unix(7), autobind).
        sockaddr_un any{};
        any.sun_family = AF_UNIX;
        if (::bind(socket.fileno(), reinterpret_cast<const sockaddr*>(&any), sizeof any.sun_family) != 0)
            ss::throw_errno(errno, "bind");
    }
    socket.connect(server);
    converse([&](const std::string& question) {
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
        throw std::runtime_error("no reply from " + line.server() + " in 3 seconds");
    });
}

}  // namespace

int main(int argc, char* argv[]) {
    CommandLine line;
    try {
        line = parse(argc, argv);
    } catch (const std::exception& failure) {
        std::cerr << "time_client: " << failure.what() << '\n' << usage;
        return 2;
    }
    if (line.help) {
        std::cout << usage << help;
        return EXIT_SUCCESS;
    }
    try {
        if (line.udp)
            use_datagrams(line);
        else
            use_stream(line);
        return EXIT_SUCCESS;
    } catch (const std::exception& failure) {
        std::cerr << "time_client: " << failure.what() << '\n';
        return EXIT_FAILURE;
    }
}
