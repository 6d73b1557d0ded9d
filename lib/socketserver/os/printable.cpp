#include <socketserver/os/printable.hpp>

#include <socketserver/os/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace socketserver {

namespace {

/// How many bytes at the beginning make a character that can be printed; 0 if they make none.
std::size_t printable_length(std::string_view text) noexcept {
    constexpr unsigned char delete_character = 0x7f;
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const std::size_t length = utf8_length(text);
    const auto second_and_third = [&] { return (byte(1) & 0x3fU) << 6U | (byte(2) & 0x3fU); };
    switch (length) {
        case 1: return byte(0) >= ' ' && byte(0) != delete_character ? 1 : 0;
        case 2: {
            const unsigned code = (byte(0) & 0x1fU) << 6U | (byte(1) & 0x3fU);
            return code < 0xa0 || code == 0x61c ? 0 : 2;
        }
        case 3: {
            const unsigned code = (byte(0) & 0xfU) << 12U | second_and_third();
            const bool directs = code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
                                 (code >= 0x2066 && code <= 0x2069);
            return directs ? 0 : 3;
        }
        default: return length;
    }
}

void append_escaped(std::string& text, char c) {
    static constexpr char digits[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    text.append({'\\', 'x', digits[byte >> 4U], digits[byte & 15U]});
}

/// How many bytes at the end may be the beginning of a character, or of CR LF.
std::size_t unfinished(std::string_view text) noexcept {
    if (text.ends_with('\r'))
        return 1;
    constexpr std::size_t most = 3;
    for (std::size_t back = 1; back <= std::min(most, text.size()); ++back) {
        const auto byte = static_cast<unsigned char>(text[text.size() - back]);
        if (byte < 0x80)
            return 0;
        if (byte >= 0xc0)  // a character's first; how long it is the number of leading ones says
            return (byte >= 0xf0 ? 4U : byte >= 0xe0 ? 3U : 2U) > back ? back : 0;
    }
    return 0;
}

/// A text of which what cannot be printed stands as its bytes.
/// \param length how many bytes at the front of a text are to stay as they are; 0: the first is escaped
template <class Length>
std::string escape_all_but(std::string_view text, const Length& length) {
    std::string safe;
    while (!text.empty()) {
        const std::size_t stays = length(text);
        if (stays == 0)
            append_escaped(safe, text.front());
        else
            safe += text.substr(0, stays);
        text.remove_prefix(std::max<std::size_t>(stays, 1));
    }
    return safe;
}

std::string document(std::string_view text) {
    return escape_all_but(text, [](std::string_view rest) -> std::size_t {
        if (rest.starts_with("\r\n"))
            return 2;
        return rest.front() == '\n' || rest.front() == '\t' ? 1 : printable_length(rest);
    });
}

}  // namespace

bool is_printable(std::string_view text) noexcept {
    while (!text.empty()) {
        const std::size_t length = printable_length(text);
        if (length == 0)
            return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string printable(std::string_view text) {
    return escape_all_but(text, printable_length);
}

std::string PrintableDocument::take(std::string_view piece) {
    kept_ += piece;
    const std::size_t whole = kept_.size() - unfinished(kept_);
    std::string safe = document(std::string_view(kept_).substr(0, whole));
    kept_.erase(0, whole);
    return safe;
}

std::string PrintableDocument::finish() {
    return document(std::exchange(kept_, {}));
}

}  // namespace socketserver
