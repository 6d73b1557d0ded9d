#pragma once

/// \file
/// Memory that is needed soon.

#include <cstddef>

namespace socketserver::detail {

/// Has the processor fetch memory, without waiting for it. Any address will do.
/// \param begin where it begins
/// \param size in bytes
// Always inline, and so is whoever does nothing else: GCC takes such a function for one without effect, and leaves its calls out.
__attribute__((always_inline)) inline void prefetch(const void* begin, std::size_t size) noexcept {
    constexpr std::size_t line = 64;
    for (std::size_t offset = 0; offset < size; offset += line)
        __builtin_prefetch(static_cast<const std::byte*>(begin) + offset);
}

}  // namespace socketserver::detail
