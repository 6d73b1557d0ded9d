#include "input.hpp"
#include "targets.hpp"

#include <socketserver/utf8.hpp>

#include <cstddef>
#include <cstdint>

namespace socketserver::fuzz {

namespace {

// How long the character at the front is, by decoding it and looking at what comes out; 0 if there is none.
std::size_t decoded_length(std::string_view text) {
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = byte(0);
    const std::size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
    if (length < 2 || length > text.size() || first >= 0xf8)
        return length == 1 ? 1 : 0;
    std::uint32_t value = first & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0U) != 0x80)
            return 0;
        value = value << 6U | (byte(i) & 0x3fU);
    }
    constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = value >= 0xd800 && value <= 0xdfff;
    return value >= least[length] && value <= 0x10ffff && !surrogate ? length : 0;
}

}  // namespace

void fuzz_utf8(std::string_view bytes) {
    std::size_t expected = 0;
    for (std::string_view rest = bytes; !rest.empty(); ++expected)
        rest.remove_prefix(std::max<std::size_t>(decoded_length(rest), 1));
    require(count_characters(bytes) == expected, "characters are what decoding finds");
}

}  // namespace socketserver::fuzz
