#pragma once

/// \file
/// What is to be measured.

#include "load.hpp"

#include <socketserver/detail/help.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace socketserver::bench {

/// A server to be measured. A value.
struct Subject {
    std::string name;     ///< the mode, or what the user calls it
    std::string command;  ///< of an outside server, with PORT for the port; "": one of the modes
    /// Whether it is an outside server.
    [[nodiscard]] bool outside() const noexcept { return !command.empty(); }
};

/// What a command line asks for. A value; if it asks for help or the version, nothing else counts.
struct Settings : detail::HelpRequest {
    std::vector<Subject> subjects;         ///< servers
    std::vector<std::size_t> connections;  ///< numbers of clients
    std::vector<Shape> shapes;             ///< how they ask
    std::size_t depth = 16;                ///< requests sent together, where pipelined
    std::chrono::nanoseconds run{};        ///< how long a run lasts
    std::size_t repetitions = 0;           ///< how many runs of each
    bool open_loop = true;                 ///< whether to measure at fixed rates, too
    std::optional<double> rate;            ///< the rate of the open loop, in place of shares of the peak
    std::chrono::nanoseconds patience =
        std::chrono::seconds{10};        ///< how long a reply, or an outside server's start, may take
    std::vector<int> server_processors;  ///< where servers run
    std::vector<int> client_processors;  ///< where clients run
    std::string output;                  ///< folder of the report; "": none

    std::size_t handler = 0;                     ///< which of the handlers
    std::vector<std::string> handler_arguments;  ///< its own options, for the servers
    bool datagrams_take_arguments = true;        ///< whether they mean anything to servers of datagrams

    /// Whether servers and clients have a processor in common.
    [[nodiscard]] bool share_processors() const {
        return std::find_first_of(server_processors.begin(), server_processors.end(), client_processors.begin(),
                                  client_processors.end()) != server_processors.end();
    }
};

/// The modes, as the servers' command line calls them.
extern const std::vector<std::string> all_modes;

/// The shares of the peak that open loops run at.
inline constexpr double loads[] = {0.5, 0.8, 0.95};

}  // namespace socketserver::bench
