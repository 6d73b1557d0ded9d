#pragma once

/// \file
/// How much to log of what comes as often as strangers like.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace socketserver::detail {

/// Lets 10 log lines a second through, of all threads and processes that share it: it is made for SharedMemory.
///
/// Thread: any, any process. Lock-free.
class LogBudget {
public:
    /// How many lines a second there may be.
    static constexpr std::uint64_t most = 10;

    /// Tells that something has happened.
    /// \return nothing if it is not to be logged; else how many that happened before were not
    [[nodiscard]] std::optional<std::uint64_t> take() noexcept {
        const std::int64_t now =
            std::chrono::floor<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
        std::int64_t second = second_;
        if (second != now && second_.compare_exchange_strong(second, now)) {
            const std::uint64_t before = happened_.exchange(1);
            return before > most ? before - most : 0;
        }
        return happened_.fetch_add(1) < most ? std::optional<std::uint64_t>(0) : std::nullopt;
    }

private:
    std::atomic<std::int64_t> second_{0};     // of the steady clock, to which happened_ belongs
    std::atomic<std::uint64_t> happened_{0};  // in that second
};

}  // namespace socketserver::detail
