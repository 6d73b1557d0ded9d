#pragma once

/// \file
/// What the clients have in common as programs: reading a command line, --help and --version, and what becomes of errors.

#include <socketserver/detail/begin_program.hpp>
#include <socketserver/detail/help.hpp>
#include <socketserver/detail/read_options.hpp>
#include <socketserver/os/printable.hpp>
#include <socketserver/os/standard_streams.hpp>

#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace client_program {

using socketserver::detail::ProgramHelp;
using socketserver::detail::ProgramOptions;
using socketserver::detail::UsageError;

/// Options under the one heading that a client has.
inline ProgramOptions client_options() {
    ProgramOptions options;
    options.group("Options");
    return options;
}

/// Adds the argument PORT, which may be left out: a port to connect to.
/// \param port gets its value, and holds the default
inline socketserver::detail::ProgramOption& add_port(ProgramOptions& options, int& port) {
    constexpr std::size_t greatest = 65'535;
    return options.add_argument({.name = "PORT",
                                 .description = "the server's port",
                                 .default_value = std::to_string(port),
                                 .store =
                                     [&port](const std::string& text) {
                                         port = static_cast<int>(socketserver::detail::parse_count(text, 1, greatest));
                                     },
                                 .optional = true});
}

/// A whole program.
/// \param about what it says of itself, but for its options
/// \param options gets --help and --version; knows where the values go
/// \param check throws if they do not go together
/// \param use does what they ask for; returns the exit status
/// \return the exit status: 2 for a bad command line, 1 if use() throws, or if standard output cannot be written
inline int run(ProgramHelp about, ProgramOptions& options, const std::function<void()>& check,
               const std::function<int()>& use, int argc, char* argv[]) {
    socketserver::detail::begin_program();
    const auto complain = [&about](const std::exception& failure) {
        std::cout.flush();
        std::cerr << about.program << ": " << socketserver::printable(failure.what()) << '\n';
    };
    socketserver::detail::HelpRequest asked;
    add_help(options, {}, asked);
    about.options = {&options};
    try {
        const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
        const auto given = socketserver::detail::read_options({&options}, words);
        if (!asked.help && !asked.version) {
            socketserver::detail::check_combinations({&options}, given);
            store_arguments(options, given);
            check();
        }
    } catch (const std::exception& failure) {
        complain(failure);
        std::cerr << usage_line(about) << '\n';
        return 2;
    }
    try {
        if (asked.help || asked.version) {
            answer(about, asked);
            return EXIT_SUCCESS;
        }
        const int status = use();
        socketserver::flush_standard_output();
        return status;
    } catch (const std::exception& failure) {
        complain(failure);
        return EXIT_FAILURE;
    }
}

}  // namespace client_program
