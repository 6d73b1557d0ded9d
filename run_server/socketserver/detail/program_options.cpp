#include <socketserver/detail/program_options.hpp>

#include <socketserver/os/deadline.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <utility>

namespace socketserver::detail {

namespace {

std::string quoted(std::string_view text) {
    return "'" + std::string(text) + "'";
}

bool contains(const std::vector<Mode>& modes, Mode mode) {
    return std::find(modes.begin(), modes.end(), mode) != modes.end();
}

}  // namespace

ProgramOption& ProgramOptions::add(ProgramOption option) {
    option.group = group_;
    return options_.emplace_back(std::move(option));
}

ProgramOption& ProgramOptions::add_argument(ProgramOption argument) {
    return arguments_.emplace_back(std::move(argument));
}

ProgramOption& ProgramOptions::operator()(std::string name, std::string description, bool& variable) {
    return add({.name = std::move(name),
                .description = std::move(description),
                .store = [&variable](const std::string&) { variable = true; }});
}

ProgramOption& ProgramOptions::operator()(std::string name, std::string description, std::string& variable) {
    return add({std::move(name), "TEXT", std::move(description), variable,
                [&variable](const std::string& value) { variable = value; }});
}

ProgramOption& ProgramOptions::operator()(std::string name, std::string description, std::size_t& variable) {
    return add({std::move(name), "N", std::move(description), std::to_string(variable),
                [&variable](const std::string& value) { variable = parse_count(value); }});
}

ProgramOption& ProgramOptions::operator()(std::string name, std::string description, std::uint16_t& variable) {
    constexpr std::size_t greatest = std::numeric_limits<std::uint16_t>::max();
    return add({std::move(name), "PORT", std::move(description), std::to_string(variable),
                [&variable](const std::string& value) {
                    variable = static_cast<std::uint16_t>(parse_count(value, 0, greatest));
                }});
}

ProgramOption& ProgramOptions::operator()(std::string name, std::string description,
                                          std::chrono::nanoseconds& variable) {
    return add({std::move(name), "S", std::move(description), seconds_text(variable),
                [&variable](const std::string& value) { variable = parse_seconds(value); }});
}

void ProgramOptions::forbid_with(const std::string& other) {
    for (std::vector<ProgramOption>* const all : {&options_, &arguments_}) {
        for (ProgramOption& option : *all)
            option.not_with.push_back(other);
    }
}

std::string spelling(const ProgramOption& option) {
    if (option.value_name.empty())
        return "--" + option.name;
    return "--" + option.name + (option.optional ? "[=" + option.value_name + ']' : ' ' + option.value_name);
}

std::vector<Mode> inner_modes_of(const ProgramOption& option) {
    std::vector<Mode> inner(inner_modes.begin(), inner_modes.end());
    if (!option.modes.empty() && !contains(option.modes, Mode::preforking))
        std::erase_if(inner, [&](Mode mode) { return !contains(option.modes, mode); });
    return inner;
}

std::vector<Mode> modes_of(const ProgramOption& option) {
    std::vector<Mode> modes(server_modes.begin(), server_modes.end());
    if (!option.modes.empty()) {
        std::erase_if(modes, [&](Mode mode) {
            return mode == Mode::preforking ? inner_modes_of(option).empty() : !contains(option.modes, mode);
        });
    }
    return modes;
}

std::string list_of(const std::vector<Mode>& modes, std::string_view last_separator) {
    std::string text;
    for (std::size_t i = 0; i < modes.size(); ++i) {
        if (i > 0)
            text += i + 1 == modes.size() ? last_separator : ", ";
        text += to_string(modes[i]);
    }
    return text;
}

std::size_t parse_count(std::string_view text, std::size_t least, std::size_t most) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size() && number >= least && number <= most)
        return number;
    const bool bounded = most != std::numeric_limits<std::size_t>::max();
    throw UsageError(quoted(text) + " is not a whole number " +
                     (bounded ? "from " + std::to_string(least) + " to " + std::to_string(most)
                              : "of " + std::to_string(least) + " or more"));
}

std::chrono::nanoseconds parse_seconds(std::string_view text) {
    constexpr double longest = 1e9;  // some thirty years
    double seconds = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    // NaN compares false.
    if (error == std::errc{} && end == text.data() + text.size() && seconds >= 0 && seconds <= longest)
        return std::chrono::nanoseconds{static_cast<std::int64_t>(std::round(seconds * 1e9))};
    throw UsageError(quoted(text) + " is not a number of seconds from 0 to 1000000000");
}

}  // namespace socketserver::detail
