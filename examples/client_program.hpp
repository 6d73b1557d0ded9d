#pragma once

/// \file
/// What the clients have in common as programs: reading a command line, --help and --version, and what becomes of errors.

#include <boost/program_options.hpp>

#include <charconv>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace client_program {

namespace po = boost::program_options;

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

/// Reads a command line: names in full, and values into the variables that the options name.
/// \param options what it may hold besides arguments
/// \param most how many arguments it may hold
/// \param arguments is given those
/// \return what was given
/// \throw std::exception if it cannot be understood
inline po::variables_map read(int argc, char* argv[], po::options_description& options, int most,
                              std::vector<std::string>& arguments) {
    options.add_options()("argument", po::value(&arguments));
    po::positional_options_description positions;
    positions.add("argument", most);
    po::variables_map values;
    constexpr int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(argc, argv).options(options).positional(positions).style(style).run(), values);
    po::notify(values);
    return values;
}

/// Reads a port.
/// \throw std::exception if the text is none
inline int parse_port(const std::string& text) {
    int port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port < 1 || port > 65'535)
        throw po::error("'" + text + "' is not a port: a number from 1 to 65535");
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
        std::cerr << program.name << ": " << failure.what() << '\n';
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
