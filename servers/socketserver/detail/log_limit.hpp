#pragma once

/// \file
/// When to log what may happen often.

#include <socketserver/os/deadline.hpp>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <utility>

namespace socketserver::detail {

/// Lets one log line through per second, which stands for all that has happened since the last one. Thread: any.
class LogLimit {
public:
    /// Tells that it has happened.
    /// \return how often since the last line, if one is due now; else 0
    [[nodiscard]] std::uint64_t happened() noexcept {
        const std::lock_guard lock(mutex_);
        ++unlogged_;
        if (!next_.expired())
            return 0;
        next_ = Deadline::after(interval);
        return std::exchange(unlogged_, 0);
    }

private:
    static constexpr std::chrono::seconds interval{1};

    std::mutex mutex_;
    Deadline next_ = Deadline::now();  // guarded by mutex_
    std::uint64_t unlogged_ = 0;       // guarded by mutex_
};

}  // namespace socketserver::detail
