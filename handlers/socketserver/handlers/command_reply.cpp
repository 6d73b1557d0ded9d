#include <socketserver/handlers/command_reply.hpp>

#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace socketserver {

namespace {

constexpr std::array<std::pair<CommandReply::End, std::string_view>, 3> words{
    {{CommandReply::End::timeout, "timeout"},
     {CommandReply::End::truncated, "truncated"},
     {CommandReply::End::error, "error"}}};

// No head is as long: a word, a space, the twenty digits of the greatest size and a newline.
constexpr std::size_t longest_head = 32;

constexpr int greatest_status = 255;

/// Reads digits and nothing else; no number is written with more digits than it needs.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool padded = text.size() > 1 && text.front() == '0';
    if (error != std::errc{} || end != text.data() + text.size() || text.front() == '-' || padded)
        return std::nullopt;
    return number;
}

}  // namespace

std::string to_string(const CommandReply& reply) {
    std::string status = std::to_string(reply.status);
    for (const auto& [end, word] : words) {
        if (end == reply.end)
            status = word;
    }
    return status + ' ' + std::to_string(reply.length) + '\n';
}

ParseResult<CommandReply> parse_command_reply(std::string_view bytes) {
    const std::size_t line_end = bytes.substr(0, longest_head).find('\n');
    if (line_end == std::string_view::npos) {
        if (bytes.size() < longest_head)
            return Incomplete{};
        return ParseError{"the reply does not begin with a status and a length"};
    }
    const std::string_view line = bytes.substr(0, line_end);
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos)
        return ParseError{"the reply's first line has no length"};
    const std::string_view status = line.substr(0, space);
    CommandReply reply;
    if (const auto number = parse_number<int>(status)) {
        reply.status = *number;
    } else {
        for (const auto& [end, word] : words) {
            if (word == status)
                reply.end = end;
        }
    }
    if ((reply.end == CommandReply::End::exited && !parse_number<int>(status)) || reply.status > greatest_status)
        return ParseError{"the reply's status is neither a number from 0 to 255 nor a known word"};
    const auto length = parse_number<std::size_t>(line.substr(space + 1));
    if (!length)
        return ParseError{"the reply's length is not a number"};
    reply.length = *length;
    return {reply, line_end + 1};
}

}  // namespace socketserver
