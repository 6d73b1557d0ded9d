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

}  // namespace

void ProgramOptions::operator()(std::string name, std::string description, bool& variable) {
    add({std::move(name), "", std::move(description), "", [&variable](const std::string&) { variable = true; }});
}

void ProgramOptions::operator()(std::string name, std::string description, std::string& variable) {
    add({std::move(name), "TEXT", std::move(description), variable,
         [&variable](const std::string& value) { variable = value; }});
}

void ProgramOptions::operator()(std::string name, std::string description, std::size_t& variable) {
    add({std::move(name), "N", std::move(description), std::to_string(variable),
         [&variable](const std::string& value) { variable = parse_count(value); }});
}

void ProgramOptions::operator()(std::string name, std::string description, std::uint16_t& variable) {
    constexpr std::size_t greatest = std::numeric_limits<std::uint16_t>::max();
    add({std::move(name), "PORT", std::move(description), std::to_string(variable),
         [&variable](const std::string& value) {
             variable = static_cast<std::uint16_t>(parse_count(value, 0, greatest));
         }});
}

void ProgramOptions::operator()(std::string name, std::string description, std::chrono::nanoseconds& variable) {
    add({std::move(name), "S", std::move(description), seconds_text(variable),
         [&variable](const std::string& value) { variable = parse_seconds(value); }});
}

std::string spelling(const ProgramOption& option) {
    return "--" + option.name + (option.value_name.empty() ? "" : " " + option.value_name);
}

std::string help_lines(const std::vector<std::pair<std::string, const ProgramOption*>>& rows) {
    std::size_t width = 0;
    for (const auto& row : rows)
        width = std::max(width, row.first.size());
    std::string text;
    for (const auto& [beginning, option] : rows) {
        std::string line = beginning;
        line.resize(width + 2, ' ');
        line += option->description;
        if (!option->default_value.empty())
            line += " (default: " + option->default_value + ")";
        text += line + '\n';
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
