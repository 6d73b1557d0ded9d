#pragma once

/// \file
/// What the clients have in common that send a line and get a reply: their command line, and the conversation with a user.

#include "client_program.hpp"

#include <socketserver/socketserver.hpp>

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

namespace line_client {

namespace ss = socketserver;

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

/// Prompts if somebody is typing, and hands on each line, until one is empty or the input ends.
/// \param answer prints the reply to a line
/// \throw std::system_error if standard input cannot be read, or standard output not be written
inline void converse(const std::function<void(const std::string&)>& answer) {
    const bool somebody_types = ::isatty(STDIN_FILENO) != 0;
    for (std::string line;;) {
        if (somebody_types)
            std::cout << "> ";
        // Nothing more is asked for when what has come is lost.
        ss::flush_standard_output();
        if (!std::getline(std::cin, line) || line.empty())
            break;
        answer(line);
    }
    if (std::ferror(stdin) != 0)
        ss::throw_errno(errno, "cannot read standard input");
}

/// A whole client.
/// \param about what it says of itself, but for its options
/// \param server where the server is unless the command line says otherwise
/// \param use talks to the server; returns the exit status
/// \param declare adds options of its own
/// \return the exit status: 2 for a bad command line, 1 if use() throws
inline int run(client_program::ProgramHelp about, Server server, int argc, char* argv[],
               const std::function<int(const Server&)>& use,
               const std::function<void(client_program::ProgramOptions&)>& declare = {}) {
    auto options = client_program::client_options();
    if (declare)
        declare(options);
    options.add({.name = "unix",
                 .value_name = "PATH",
                 .description = "the server listens on this Unix socket; \"@NAME\" is an abstract one",
                 .store = [&](const std::string& path) {
                     static_cast<void>(ss::Address::unix_path(path));
                     server.unix_path = path;
                 }});
    options.add_argument({.name = "HOST",
                          .description = "the server's name or address",
                          .default_value = server.host,
                          .store = [&](const std::string& host) { server.host = host; },
                          .optional = true,
                          .not_with = {"unix"}});
    client_program::add_port(options, server.port);
    return client_program::run(
        std::move(about), options, [] {}, [&] { return use(server); }, argc, argv);
}

}  // namespace line_client
