#pragma once

/// \file
/// How much time a server that is told to stop gives its requests.

#include <algorithm>
#include <atomic>
#include <chrono>

namespace socketserver::detail {

/// The times of a stop. They lie in shared memory, since worker processes keep them too.
///
/// Thread: any, any process. Lock-free.
struct DrainTimes {
    /// How long running requests have to end before they are cut.
    std::atomic<std::chrono::nanoseconds> drain{std::chrono::nanoseconds{0}};
    /// How long connections on which nothing has come yet have to bring their first input, at most.
    std::atomic<std::chrono::nanoseconds> first_input{std::chrono::nanoseconds{0}};

    static_assert(std::atomic<std::chrono::nanoseconds>::is_always_lock_free, "processes share no locks");

    /// How long they have: what comes then must be answered, too.
    [[nodiscard]] std::chrono::nanoseconds grace() const noexcept {
        return std::min(first_input.load(), drain.load() / 2);
    }
};

}  // namespace socketserver::detail
