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

}  // namespace socketserver::detail
