#include "dialogue.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace socketserver::bench {

namespace {

using Reply = ParseResult<std::string_view>;

// Longer ones are none of the replies here.
constexpr std::size_t longest_line = 65'536;

/// A line of 32 bytes that no other request is like.
std::string numbered_line(std::uint64_t number) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string line = "request ................ of all\n";
    for (std::size_t at = 8 + 16; at-- > 8; number >>= 4U)
        line[at] = digits[number & 0xfU];
    return line;
}

Reply any_line(std::string_view received) {
    const auto end = received.find('\n');
    if (end != std::string::npos)
        return {received.substr(0, end + 1), end + 1};
    if (received.size() > longest_line)
        return ParseError{"the line is too long"};
    return Incomplete{};
}

}  // namespace

BenchDialogue complete(BenchDialogue dialogue) {
    if (!dialogue.request)
        dialogue.request = numbered_line;
    if (!dialogue.reply)
        dialogue.reply = [](std::string_view, std::string_view received) { return any_line(received); };
    return dialogue;
}

BenchDialogue echo_dialogue() {
    return {numbered_line, [](std::string_view request, std::string_view received) -> Reply {
                if (received.starts_with(request))
                    return {received.substr(0, request.size()), request.size()};
                if (request.starts_with(received))
                    return Incomplete{};
                return ParseError{"not the echo of the request"};
            }};
}

BenchDialogue time_dialogue() {
    return {numbered_line, [](std::string_view request, std::string_view received) -> Reply {
                auto line = any_line(received);
                if (line && !(line->starts_with('[') && line->ends_with(request)))
                    return ParseError{"not the request after the time"};
                return line;
            }};
}

}  // namespace socketserver::bench
