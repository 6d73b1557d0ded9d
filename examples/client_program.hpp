#pragma once

/// \file
/// What the clients have in common as programs: reading a command line, --help and --version, and what becomes of errors.

#include <socketserver/detail/read_options.hpp>
#include <socketserver/os/printable.hpp>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace client_program {

using socketserver::detail::GivenOptions;
using socketserver::detail::ProgramOptions;
using socketserver::detail::UsageError;

/// What a program says of itself. A value; the texts outlive it.
struct Program {
    std::string_view name;
    std::string_view usage;  ///< the line that begins with "usage: "
    std::string_view help;   ///< what --help prints after the usage
};

/// What each command line can ask for; a program's own is derived from it. A value.
struct CommandLine {
    bool help = false;     ///< only tell how to use the program; nothing else counts
    bool version = false;  ///< only tell the version; nothing else counts
};

/// The options that each client has.
/// \param line is told whether they are given
inline ProgramOptions common_options(CommandLine& line) {
    ProgramOptions options;
    options("help", "print this and exit", line.help);
    options("version", "print the version and exit", line.version);
    return options;
}

/// Reads a command line; values go where the options say.
/// \param options what it may hold besides arguments
/// \param most how many arguments it may hold
/// \return what it held
/// \throw UsageError if it cannot be understood
inline GivenOptions read(int argc, char* argv[], const ProgramOptions& options, std::size_t most) {
    const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    GivenOptions given = socketserver::detail::read_options({&options}, words);
    if (given.arguments.size() > most)
        throw UsageError("unexpected argument '" + given.arguments[most] + "'");
    return given;
}

/// Reads a port.
/// \throw UsageError if the text is none
inline int parse_port(const std::string& text) {
    int port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port < 1 || port > 65'535)
        throw UsageError("'" + text + "' is not a port: a number from 1 to 65535");
    return port;
}

/// A whole program.
/// \param program what it says of itself
/// \param parse returns its CommandLine
/// \param use does what that asks for; returns the exit status
/// \return the exit status: 2 if parse() throws, 1 if use() does
template <class Parse, class Use>
int run(const Program& program, const Parse& parse, const Use& use) {
    const auto complain = [&program](const std::exception& failure) {
        std::cout.flush();
        std::cerr << program.name << ": " << socketserver::printable(failure.what()) << '\n';
    };
    std::optional<decltype(parse())> line;
    try {
        line.emplace(parse());
    } catch (const std::exception& failure) {
        complain(failure);
        std::cerr << program.usage;
        return 2;
    }
    if (line->help) {
        std::cout << program.usage << program.help;
        return EXIT_SUCCESS;
    }
    if (line->version) {
        std::cout << program.name << " (socketserver " SOCKETSERVER_VERSION ")\n";
        return EXIT_SUCCESS;
    }
    try {
        return use(*line);
    } catch (const std::exception& failure) {
        complain(failure);
        return EXIT_FAILURE;
    }
}

}  // namespace client_program
