#pragma once

/// \file
/// What help tells of a program, whatever it is printed as.

#include <socketserver/detail/help.hpp>
#include <socketserver/detail/mode.hpp>
#include <socketserver/detail/program_options.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace socketserver::detail {

/// What stands on the left, and what explains it.
using HelpRow = std::pair<std::string, std::string>;

/// Rows under a heading. A value.
struct HelpSection {
    std::string heading;        ///< without a colon
    std::vector<HelpRow> rows;  ///< may be none
};

/// The options one after the other.
[[nodiscard]] std::vector<const ProgramOption*> all_options(const std::vector<const ProgramOptions*>& lists);

/// Whether some of them belong to some modes only.
[[nodiscard]] bool has_modes(const std::vector<const ProgramOption*>& all);

/// The arguments and some options, by their groups.
/// \param about the program
/// \param options which
/// \param mode the mode that is told of, if it is one
[[nodiscard]] std::vector<HelpSection> sections_of(const ProgramHelp& about,
                                                   const std::vector<const ProgramOption*>& options,
                                                   std::optional<Mode> mode = std::nullopt);

/// What the modes are, and the options that belong to some of them only.
[[nodiscard]] std::vector<HelpSection> sections_of_modes(const std::vector<const ProgramOption*>& all);

/// What follows the program's name, for each form.
[[nodiscard]] std::vector<std::string> forms_of(const ProgramHelp& about);

/// The paragraphs of a text with empty lines between.
[[nodiscard]] std::vector<std::string> paragraphs_of(std::string_view text);

}  // namespace socketserver::detail
