#pragma once

/// \file
/// The options of a program as one list: what they are called, what they do, where their values go.

#include <socketserver/detail/mode.hpp>

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

/// One option of a program, or one argument: all that the parser, --help and the manual page know of it. A value.
struct ProgramOption {
    std::string name = {};           ///< without the dashes
    std::string value_name = {};     ///< what --help calls its value; "": it takes none, or is an argument
    std::string description = {};    ///< what it does
    std::string default_value = {};  ///< for --help; "": says nothing of it
    /// Takes the value; throws UsageError, without the option's name, if it is none.
    std::function<void(const std::string& value)> store = {};
    bool repeats = false;                    ///< may be given several times
    bool optional = false;                   ///< an option's value, or an argument, that may be left out
    int rank = 0;                            ///< plain --help shows those with the least; not those with rarely_used
    std::vector<Mode> modes = {};            ///< where it means something, see modes_of(); empty: everywhere
    std::vector<std::string> not_with = {};  ///< the options that it cannot be used with
    std::string needs = {};                  ///< an option without which it means nothing; "": none
    std::string group = {};                  ///< its heading in --help; set by ProgramOptions
};

/// The rank of options that plain --help does not show.
inline constexpr int rarely_used = std::numeric_limits<int>::max();

/// Options and arguments in the order in which --help lists them. Refers to the variables that they set.
class ProgramOptions {
public:
    /// Puts the options that are added from now on under a heading.
    void group(std::string heading) { group_ = std::move(heading); }

    /// Adds an option.
    /// \return it, until the next is added
    ProgramOption& add(ProgramOption option);

    /// Adds an argument, without a name, after those added before.
    /// \return it, until the next is added
    ProgramOption& add_argument(ProgramOption argument);

    // Handlers declare theirs by these: add(name, what it does, variable). The variable's value is the default.

    /// Adds an option without a value, which makes the variable true.
    ProgramOption& operator()(std::string name, std::string description, bool& variable);
    /// Adds an option whose value is a text.
    ProgramOption& operator()(std::string name, std::string description, std::string& variable);
    /// Adds an option whose value is a number, 0 or more.
    ProgramOption& operator()(std::string name, std::string description, std::size_t& variable);
    /// Adds an option whose value is a port, 0 to 65535.
    ProgramOption& operator()(std::string name, std::string description, std::uint16_t& variable);
    /// Adds an option whose value is a number of seconds, 0 or more.
    ProgramOption& operator()(std::string name, std::string description, std::chrono::nanoseconds& variable);

    /// Adds an argument that must be given, without a name, after those added before: add.argument("DIR", what it is, variable).
    /// \param name what --help and messages call it
    /// \param description what it is
    /// \param variable is assigned what Value makes of the text; an exception that it throws tells what is wrong with that
    template <std::constructible_from<const std::string&> Value>
    ProgramOption& argument(std::string name, std::string description, Value& variable) {
        ProgramOption made;
        made.name = std::move(name);
        made.description = std::move(description);
        made.store = [&variable](const std::string& text) {
            try {
                variable = Value(text);
            } catch (const std::exception& failure) {
                throw UsageError(failure.what());
            }
        };
        return add_argument(std::move(made));
    }

    /// Says that none of the options and arguments can be used with another option.
    void forbid_with(const std::string& other);

    /// The arguments, in their order; those that may be left out come last.
    [[nodiscard]] const std::vector<ProgramOption>& arguments() const noexcept { return arguments_; }

    [[nodiscard]] auto begin() const noexcept { return options_.begin(); }
    [[nodiscard]] auto end() const noexcept { return options_.end(); }

private:
    std::string group_;
    std::vector<ProgramOption> options_;
    std::vector<ProgramOption> arguments_;
};

/// An option as it is given: "--port PORT".
[[nodiscard]] std::string spelling(const ProgramOption& option);

/// The modes in which an option means something, in the order of server_modes; all of them, if it names none. One that means
/// something in an inner mode does in the mode preforking.
[[nodiscard]] std::vector<Mode> modes_of(const ProgramOption& option);

/// The inner modes in which an option means something in the mode preforking.
[[nodiscard]] std::vector<Mode> inner_modes_of(const ProgramOption& option);

/// Some modes as a text: "forking, threading or selecting".
[[nodiscard]] std::string list_of(const std::vector<Mode>& modes, std::string_view last_separator);

/// Reads a whole number.
/// \throw UsageError quoting the text, if it is none or not within the bounds
[[nodiscard]] std::size_t parse_count(std::string_view text, std::size_t least = 0,
                                      std::size_t most = std::numeric_limits<std::size_t>::max());

/// Reads a number of seconds, with a fraction or without.
/// \throw UsageError quoting the text, if it is none or negative
[[nodiscard]] std::chrono::nanoseconds parse_seconds(std::string_view text);

}  // namespace socketserver::detail
