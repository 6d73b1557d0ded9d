#pragma once

/// \file
/// Notes that forked children can take too.

#include <socketserver/os/shared_memory.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace socketserver::test {

/// Lines of text in shared memory: what a child notes its parent reads. Lines beyond 2000, and what is longer than 200
/// bytes, are cut off.
///
/// Thread: any, any process forked after it was made. Lock-free.
class SharedLines {
public:
    /// Adds a line.
    void add(std::string_view text) const noexcept {
        const std::size_t index = pages_->count++;
        if (index >= max_lines)
            return;
        Line& line = pages_->lines[index];
        line.length = std::min(text.size(), line.text.size());
        std::copy_n(text.begin(), line.length, line.text.begin());
        line.complete.store(true, std::memory_order_release);
    }

    /// Calls f(line) for each line so far, in the order in which they were begun. Allocates nothing: a sanitizer's
    /// allocator does not survive a fork in another thread while it is at work.
    template <class F>
    void for_each(F f) const {
        for (std::size_t i = 0; i < std::min<std::size_t>(pages_->count, max_lines); ++i) {
            const Line& line = pages_->lines[i];
            if (line.complete.load(std::memory_order_acquire))
                f(std::string_view(line.text.data(), line.length));
        }
    }

    /// The lines so far.
    [[nodiscard]] std::vector<std::string> lines() const {
        std::vector<std::string> found;
        for_each([&found](std::string_view line) { found.emplace_back(line); });
        return found;
    }

    /// How many lines are equal to this one.
    [[nodiscard]] std::size_t count(std::string_view text) const {
        std::size_t found = 0;
        for_each([&](std::string_view line) { found += line == text ? 1U : 0U; });
        return found;
    }

private:
    static constexpr std::size_t max_lines = 2000;
    struct Line {
        std::atomic<bool> complete{false};
        std::size_t length = 0;
        std::array<char, 200> text{};
    };
    struct Pages {
        std::atomic<std::size_t> count{0};
        std::array<Line, max_lines> lines{};
    };
    SharedMemory<Pages> pages_;
};

}  // namespace socketserver::test
