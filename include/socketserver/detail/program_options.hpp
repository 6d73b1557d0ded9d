#pragma once

/// \file
/// The options of a program as one list: what they are called, what they do, where their values go.

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace socketserver::detail {

/// A command line that cannot be understood; the message says why.
class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// One option of a program, or one argument. A value.
struct ProgramOption {
    std::string name;           ///< without the dashes
    std::string value_name;     ///< what --help calls its value; "": it takes none, or is an argument
    std::string description;    ///< what it does
    std::string default_value;  ///< for --help; "": says nothing of it
    /// Takes the value; throws UsageError, without the option's name, if it is none.
    std::function<void(const std::string& value)> store;
    bool repeats = false;  ///< may be given several times
};

/// Options and arguments in the order in which --help lists them. Refers to the variables that they set.
class ProgramOptions {
public:
    /// Adds an option.
    void add(ProgramOption option) { options_.push_back(std::move(option)); }

    // Handlers declare theirs by these: add(name, what it does, variable). The variable's value is the default.

    /// Adds an option without a value, which makes the variable true.
    void operator()(std::string name, std::string description, bool& variable);
    /// Adds an option whose value is a text.
    void operator()(std::string name, std::string description, std::string& variable);
    /// Adds an option whose value is a number, 0 or more.
    void operator()(std::string name, std::string description, std::size_t& variable);
    /// Adds an option whose value is a port, 0 to 65535.
    void operator()(std::string name, std::string description, std::uint16_t& variable);
    /// Adds an option whose value is a number of seconds, 0 or more.
    void operator()(std::string name, std::string description, std::chrono::nanoseconds& variable);

    /// Adds an argument that must be given, without a name, after those added before: add.argument("DIR", what it is, variable).
    /// \param name what --help and messages call it
    /// \param description what it is
    /// \param variable is assigned what Value makes of the text; an exception that it throws tells what is wrong with that
    template <std::constructible_from<const std::string&> Value>
    void argument(std::string name, std::string description, Value& variable) {
        arguments_.push_back({std::move(name), "", std::move(description), "", [&variable](const std::string& text) {
                                  try {
                                      variable = Value(text);
                                  } catch (const std::exception& failure) {
                                      throw UsageError(failure.what());
                                  }
                              }});
    }

    /// The arguments that must be given, in their order.
    [[nodiscard]] const std::vector<ProgramOption>& arguments() const noexcept { return arguments_; }

    [[nodiscard]] auto begin() const noexcept { return options_.begin(); }
    [[nodiscard]] auto end() const noexcept { return options_.end(); }

private:
    std::vector<ProgramOption> options_;
    std::vector<ProgramOption> arguments_;
};

/// An option as it is given: "--port PORT".
[[nodiscard]] std::string spelling(const ProgramOption& option);

/// What --help says of options and arguments: a line for each.
/// \param rows each with what its line begins with; the descriptions stand below each other
[[nodiscard]] std::string help_lines(const std::vector<std::pair<std::string, const ProgramOption*>>& rows);

/// Reads a whole number.
/// \throw UsageError quoting the text, if it is none or not within the bounds
[[nodiscard]] std::size_t parse_count(std::string_view text, std::size_t least = 0,
                                      std::size_t most = std::numeric_limits<std::size_t>::max());

/// Reads a number of seconds, with a fraction or without.
/// \throw UsageError quoting the text, if it is none or negative
[[nodiscard]] std::chrono::nanoseconds parse_seconds(std::string_view text);

}  // namespace socketserver::detail
