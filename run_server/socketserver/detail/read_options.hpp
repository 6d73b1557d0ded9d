#pragma once

/// \file
/// Reading a command line: which options and arguments stand in it.

#include <socketserver/detail/program_options.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace socketserver::detail {

/// What stood in a command line. A value.
struct GivenOptions {
    /// An option with its value, which is "" if it takes none.
    struct Option {
        std::string name;
        std::string value;
    };

    std::vector<Option> options;         ///< in their order
    std::vector<std::string> arguments;  ///< what is no option, in its order

    /// Whether an option of that name was given.
    [[nodiscard]] bool contains(std::string_view name) const noexcept;
};

/// Reads a command line; each option takes its value, arguments are only listed.
/// \param known the options there are
/// \param arguments without the program's name
/// \throw UsageError if an option is not known or is given twice, or its value is missing or is none
[[nodiscard]] GivenOptions read_options(const std::vector<const ProgramOptions*>& known,
                                        std::span<const std::string> arguments);

/// How a server is to serve. A value.
struct ChosenMode {
    Mode mode = default_mode;   ///< the mode
    Mode inner = default_mode;  ///< what each process does in the mode preforking
};

/// Checks that each option that was given means something with the others, as their ProgramOption says.
/// \param known as for read_options()
/// \param given what was given
/// \param chosen the mode of a server
/// \throw UsageError naming the options that do not go together, and what would
void check_combinations(const std::vector<const ProgramOptions*>& known, const GivenOptions& given,
                        const ChosenMode& chosen = {});

/// Gives each argument its value.
/// \param wanted the arguments there are
/// \param given what was given
/// \throw UsageError if there are too many or too few, one is no value, or cannot be used with an option that was given
void store_arguments(const ProgramOptions& wanted, const GivenOptions& given);

}  // namespace socketserver::detail
