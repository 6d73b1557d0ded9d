#pragma once

/// \file
/// What a program says of itself: --help, and its manual page.

#include <socketserver/detail/program_options.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace socketserver::detail {

/// How many options plain --help shows at most.
inline constexpr std::size_t most_in_short_help = 12;

/// What a command line may ask for instead of the program's work. A value.
struct HelpRequest {
    bool help = false;     ///< only tell how to use the program; nothing else counts
    std::string topic;     ///< the WORD of --help=WORD; "": none
    bool version = false;  ///< only tell the version; nothing else counts
};

/// What help is made from. Refers to the options.
struct ProgramHelp {
    std::string program = {};                         ///< its name
    std::vector<std::string> forms = {};              ///< what follows the name; empty: options and arguments
    std::string description = {};                     ///< paragraphs with empty lines between; the first is the summary
    std::vector<std::string> details = {};            ///< further paragraphs, for the manual page
    std::vector<const ProgramOptions*> options = {};  ///< the program's own first
    std::vector<std::pair<std::string, std::string>> exit_statuses = {};  ///< each with what it means
    std::vector<std::string> examples = {};                               ///< commands
    std::vector<std::string> see_also = {};                               ///< manual pages: "nc(1)"
};

/// Adds --help and --version.
/// \param options gets them; all that it will hold besides is in it already, or in others
/// \param others the program's further options
/// \param asked is told whether they are given; refuses a WORD that there is no help on
void add_help(ProgramOptions& options, const std::vector<const ProgramOptions*>& others, HelpRequest& asked);

/// What --help prints, or --help=WORD.
/// \param about the program
/// \param topic "": the most-used options; "all": all; "modes": which options belong to which mode; a mode: its options;
///   "man": the manual page, in man(7)
/// \param width no line is wider, unless it is a single word; the manual page does not care
[[nodiscard]] std::string help_text(const ProgramHelp& about, std::string_view topic, std::size_t width);

/// The line that follows a message about a bad command line, without a newline.
[[nodiscard]] std::string usage_line(const ProgramHelp& about);

/// How wide the lines of help may be: COLUMNS, the width of the terminal at standard output, or 80.
[[nodiscard]] std::size_t help_width();

/// Answers --help or --version on standard output.
/// \param about the program
/// \param asked what is asked for
/// \throw std::runtime_error if it cannot be written
void answer(const ProgramHelp& about, const HelpRequest& asked);

}  // namespace socketserver::detail
