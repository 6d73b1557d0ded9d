#pragma once

/// \file
/// A server program in every mode, over every kind of connection.

#include "program.hpp"

#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

namespace socketserver::test {

/// Runs a program in every mode over TCP, over IPv6 if this machine has it, and over a Unix socket.
/// \param program the server's name
/// \param dialogue called with each Server
template <class Dialogue>
void for_every_server(const std::string& program, Dialogue dialogue) {
    const TemporaryDirectory folder;
    for (const std::string& mode : modes) {
        // A path each: the workers of a server that is killed at the end of a turn may listen a moment longer.
        std::vector<std::vector<std::string>> places{{"--port", "0"}, {"--unix", folder / mode}};
        if (has_ipv6())
            places.push_back({"--host", "::1", "--port", "0"});
        for (const auto& place : places) {
            std::vector<std::string> command{program, "--mode", mode};
            command.insert(command.end(), place.begin(), place.end());
            BOOST_TEST_CONTEXT(mode << " over " << place.at(1)) {
                Server server(command);
                dialogue(server);
            }
        }
    }
}

/// Runs netcat against a server to its end; it tells the server of the end of its input.
/// \param server a server program that is ready
/// \param input what netcat sends
[[nodiscard]] inline Outcome netcat(const Server& server, std::string_view input) {
    if (server.family() == "unix")
        return run({"nc", "-N", "-U", server.address()}, input);
    const std::string host = server.address().starts_with('[') ? "::1" : "127.0.0.1";
    return run({"nc", "-N", host, std::to_string(server.port())}, input);
}

/// The peer of a server as it names it.
[[nodiscard]] inline std::string name_of(const Client& client) {
    const std::string name = client.local_address();
    return name.empty() ? "(unnamed)" : name;
}

}  // namespace socketserver::test
