#pragma once

/// \file
/// Where characters begin and end in UTF-8.

#include <cstddef>
#include <string_view>

namespace socketserver {

/// How many bytes at the beginning make one character of UTF-8 (RFC 3629 section 4): no overlong form, no surrogate, nothing above
/// U+10FFFF.
/// \param text any bytes
/// \return 1 to 4; 0 if they make none, or there are none
[[nodiscard]] std::size_t utf8_length(std::string_view text) noexcept;

}  // namespace socketserver
