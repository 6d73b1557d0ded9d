#pragma once

/// \file
/// What the clients have in common that send a line and get a reply: their command line, and the conversation with a user.

#include <socketserver/socketserver.hpp>

#include <boost/program_options.hpp>

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace line_client {

namespace ss = socketserver;
namespace po = boost::program_options;

/// Where the server is. A value.
struct Server {
    std::string unix_path = {};      ///< in place of host and port, if not empty
    std::string host = "127.0.0.1";  ///< a name or an address
    int port = 0;                    ///< at first the default

    /// As a user would write it.
    [[nodiscard]] std::string to_string() const {
        return unix_path.empty() ? host + ':' + std::to_string(port) : unix_path;
    }

    /// Its address; looks the name up.
    [[nodiscard]] ss::Address address() const {
        return unix_path.empty() ? ss::Address(host, port) : ss::Address::unix_path(unix_path);
    }

    /// A connection to it.
    [[nodiscard]] ss::Socket connect() const {
        return unix_path.empty() ? ss::create_connection(host, port) : ss::create_connection(address());
    }
};

/// A client as its command line describes it.
struct Client {
    std::string name;     ///< the program's
    std::string usage;    ///< the line that begins with "usage: "
    std::string help;     ///< what --help prints after the usage
    Server server;        ///< where the server is unless the command line says otherwise
    bool* udp = nullptr;  ///< what --udp sets; null: there is no such option
};

/// Reads the command line.
/// \return whether only help was asked for
/// \throw std::exception if it cannot be understood
inline bool parse(Client& client, int argc, char* argv[]) {
    bool help = false;
    std::vector<std::string> server;
    po::options_description options;
    options.add_options()("help", po::bool_switch(&help))("unix", po::value(&client.server.unix_path))(
        "server", po::value(&server));
    if (client.udp != nullptr)
        options.add_options()("udp", po::bool_switch(client.udp));
    po::positional_options_description positions;
    positions.add("server", 2);
    po::variables_map values;
    constexpr int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(argc, argv).options(options).positional(positions).style(style).run(), values);
    po::notify(values);
    if (values.count("unix") != 0) {
        if (!server.empty())
            throw po::error("HOST and PORT mean nothing with --unix");
        static_cast<void>(ss::Address::unix_path(client.server.unix_path));
    }
    if (!server.empty())
        client.server.host = server[0];
    if (server.size() > 1) {
        const std::string& port = server[1];
        const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), client.server.port);
        if (error != std::errc{} || end != port.data() + port.size() || client.server.port < 1 ||
            client.server.port > 65'535)
            throw po::error("'" + port + "' is not a port: a number from 1 to 65535");
    }
    return help;
}

/// Prompts if somebody is typing, and hands on each line, until one is empty or the input ends.
/// \param answer prints the reply to a line
inline void converse(const std::function<void(const std::string&)>& answer) {
    const bool somebody_types = ::isatty(STDIN_FILENO) != 0;
    for (std::string line;;) {
        if (somebody_types)
            std::cout << "> " << std::flush;
        if (!std::getline(std::cin, line) || line.empty())
            break;
        answer(line);
        std::cout << std::flush;
    }
}

/// A whole client.
/// \param client what its command line is
/// \param use talks to the server; returns the exit status
/// \return the exit status: 2 for a bad command line, 1 if use() throws
inline int run(Client client, int argc, char* argv[], const std::function<int(const Server&)>& use) {
    const auto complain = [&client](const std::exception& failure) {
        std::cout << std::flush;
        std::cerr << client.name << ": " << failure.what() << '\n';
    };
    bool help = false;
    try {
        help = parse(client, argc, argv);
    } catch (const std::exception& failure) {
        complain(failure);
        std::cerr << client.usage;
        return 2;
    }
    if (help) {
        std::cout << client.usage << client.help;
        return EXIT_SUCCESS;
    }
    try {
        return use(client.server);
    } catch (const std::exception& failure) {
        complain(failure);
        return EXIT_FAILURE;
    }
}

}  // namespace line_client
