#include <socketserver/utf8.hpp>

#include <socketserver/os/utf8.hpp>

#include <algorithm>

namespace socketserver {

std::size_t count_characters(std::string_view text) noexcept {
    std::size_t count = 0;
    for (; !text.empty(); ++count)
        text.remove_prefix(std::max<std::size_t>(utf8_length(text), 1));
    return count;
}

}  // namespace socketserver
