#include <socketserver/os/utf8.hpp>

namespace socketserver {

namespace {

/// The form of a character by its first byte (Unicode, table 3-7): how long it is, and what its second byte may be; further
/// ones are continuation bytes.
struct Form {
    std::size_t length;  // 0: no character begins so
    unsigned char second_from = 0x80;
    unsigned char second_to = 0xbf;
};

Form form_of(unsigned char first) noexcept {
    if (first < 0x80)
        return {1};
    if (first < 0xc2)  // a continuation byte, or the first of an overlong form
        return {0};
    if (first < 0xe0)
        return {2};
    if (first == 0xe0)
        return {3, 0xa0};  // below: overlong
    if (first == 0xed)
        return {3, 0x80, 0x9f};  // above: surrogates
    if (first < 0xf0)
        return {3};
    if (first == 0xf0)
        return {4, 0x90};  // below: overlong
    if (first < 0xf4)
        return {4};
    if (first == 0xf4)
        return {4, 0x80, 0x8f};  // above: more than U+10FFFF
    return {0};
}

}  // namespace

std::size_t utf8_length(std::string_view text) noexcept {
    if (text.empty())
        return 0;
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const Form form = form_of(byte(0));
    if (form.length < 2)
        return form.length;
    if (text.size() < form.length || byte(1) < form.second_from || byte(1) > form.second_to)
        return 0;
    for (std::size_t i = 2; i < form.length; ++i)
        if ((byte(i) & 0xc0U) != 0x80)
            return 0;
    return form.length;
}

}  // namespace socketserver
