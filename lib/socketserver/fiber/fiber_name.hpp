#pragma once

/// \file
/// What messages call a fiber.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace socketserver {

/// A name that its thread changes, perhaps with each request, while another one may copy it: plain stores of a few words, between two
/// of a number by which the other one sees that it was changed meanwhile. Needs no memory of its own.
///
/// Thread: one for set() and view(); any for copy().
class FiberName {
public:
    /// How long a name may be; of a longer one the beginning is kept.
    static constexpr std::size_t longest = 56;

    /// Changes it.
    /// \param name may be empty
    void set(std::string_view name) noexcept {
        const std::size_t size = std::min(name.size(), longest);
        std::array<std::uint64_t, words> text{};
        name.copy(reinterpret_cast<char*>(text.data()), size);
        const std::uint32_t version = version_.load(std::memory_order_relaxed);
        version_.store(version + 1, std::memory_order_relaxed);
        // Who has seen one of these sees that the number is odd, or has changed.
        for (std::size_t i = 0; i * sizeof text[0] < size; ++i)
            text_[i].store(text[i], std::memory_order_release);
        size_.store(static_cast<unsigned char>(size), std::memory_order_release);
        version_.store(version + 2, std::memory_order_release);
    }

    /// The name, until it is changed. Async-signal-safe.
    [[nodiscard]] std::string_view view() const noexcept {
        return {reinterpret_cast<const char*>(text_.data()), size_.load(std::memory_order_relaxed)};
    }

    /// A copy of it.
    /// \return nothing if it is just being changed
    /// \throw std::bad_alloc
    [[nodiscard]] std::optional<std::string> copy() const {
        const std::uint32_t version = version_.load(std::memory_order_acquire);
        std::array<std::uint64_t, words> text{};
        for (std::size_t i = 0; i < words; ++i)
            text[i] = text_[i].load(std::memory_order_acquire);
        const std::size_t size = size_.load(std::memory_order_acquire);
        if (version % 2 != 0 || version_.load(std::memory_order_relaxed) != version)
            return std::nullopt;
        return std::string(reinterpret_cast<const char*>(text.data()), size);
    }

private:
    static constexpr std::size_t words = longest / sizeof(std::uint64_t);

    std::array<std::atomic<std::uint64_t>, words> text_{};
    static_assert(sizeof text_ == longest, "view() takes them for text");
    std::atomic<std::uint32_t> version_{0};  // odd while the name is being changed
    std::atomic<unsigned char> size_{0};
};

}  // namespace socketserver
