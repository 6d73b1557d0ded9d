#pragma once

/// \file
/// Text in UTF-8.

#include <cstddef>
#include <string_view>

namespace socketserver {

/// Counts the characters of a text: Unicode scalar values in UTF-8 (RFC 3629 section 4). Each byte that is no part of a
/// well-formed character counts as one: of overlong forms, surrogates, values above U+10FFFF and sequences that are cut short,
/// every byte.
/// \param text any bytes
[[nodiscard]] std::size_t count_characters(std::string_view text) noexcept;

}  // namespace socketserver
