#pragma once

/// \file
/// What the clients have in common that send a line and get a reply: their command line, and the conversation with a user.

#include "client_program.hpp"

#include <socketserver/socketserver.hpp>

#include <unistd.h>

#include <chrono>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

namespace line_client {

namespace ss = socketserver;
using client_program::UsageError;

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
    /// \param timeout the longest to wait, for each address; also the socket's time-out
    [[nodiscard]] ss::Socket connect(std::optional<std::chrono::nanoseconds> timeout = std::nullopt) const {
        return unix_path.empty() ? ss::create_connection(host, port, timeout)
                                 : ss::create_connection(address(), timeout);
    }
};

/// The longest to wait for a server at each step; none: as long as it takes.
using Timeout = std::optional<std::chrono::nanoseconds>;

/// A command line. A value.
struct CommandLine : client_program::CommandLine {
    Server server;
};

/// Reads the command line.
/// \param server where the server is unless the command line says otherwise
/// \param udp what --udp sets; null: there is no such option
/// \param timeout what --timeout sets; null: there is no such option
/// \throw std::exception if it cannot be understood
inline CommandLine parse(Server server, bool* udp, Timeout* timeout, int argc, char* argv[]) {
    CommandLine line{{}, std::move(server)};
    auto options = client_program::common_options(line);
    options("unix", "the server listens on this Unix socket", line.server.unix_path);
    if (udp != nullptr)
        options.add({"udp", "", "send datagrams", "", [udp](const std::string&) { *udp = true; }});
    if (timeout != nullptr)
        options.add({"timeout", "S", "the longest to wait for the server at each step", "",
                     [timeout](const std::string& value) {
                         const auto seconds = ss::detail::parse_seconds(value);
                         *timeout = seconds.count() == 0 ? std::nullopt : Timeout(seconds);
                     }});
    const auto given = client_program::read(argc, argv, options, 2);
    if (given.contains("udp") && given.contains("timeout"))
        throw UsageError("--timeout means nothing with --udp");
    const auto& arguments = given.arguments;
    if (given.contains("unix")) {
        if (!arguments.empty())
            throw UsageError("HOST and PORT mean nothing with --unix");
        static_cast<void>(ss::Address::unix_path(line.server.unix_path));
    }
    if (!arguments.empty())
        line.server.host = arguments[0];
    if (arguments.size() > 1)
        line.server.port = client_program::parse_port(arguments[1]);
    return line;
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
/// \param program what it says of itself
/// \param server where the server is unless the command line says otherwise
/// \param use talks to the server; returns the exit status
/// \param udp what --udp sets; null: there is no such option
/// \param timeout what --timeout sets; null: there is no such option
/// \return the exit status: 2 for a bad command line, 1 if use() throws
inline int run(const client_program::Program& program, const Server& server, int argc, char* argv[],
               const std::function<int(const Server&)>& use, bool* udp = nullptr, Timeout* timeout = nullptr) {
    return client_program::run(
        program, [&] { return parse(server, udp, timeout, argc, argv); },
        [&use](const CommandLine& line) { return use(line.server); });
}

}  // namespace line_client
