#pragma once

/// \file
/// What a server does while descriptors or memory have run out.

#include <socketserver/detail/log_limit.hpp>
#include <socketserver/os/deadline.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace socketserver::detail {

/// Decides how long not to accept after a failure that will not go away by itself, and when to log it.
/// Pauses of 1 ms doubling to 50 ms; for each cause one log line per interval of 1 s, saying how many failures it stands for.
///
/// Thread: any. When several find at once that something has run out, that is one failure.
class AcceptBackoff {
public:
    /// Why a request could not be got.
    enum class Cause {
        no_descriptors,  ///< EMFILE, ENFILE
        no_memory,       ///< ENOBUFS, ENOMEM
        other,           ///< anything else
    };

    /// Tells of a failure.
    /// \param cause what for; each has log lines of its own
    /// \return how many failures a log line is now due for, 0 if none is; nothing if a pause is going on, that is to say if somebody
    ///   else has told of it
    std::optional<std::uint64_t> failed(Cause cause) noexcept;

    /// Tells of a success: the next failure begins with the shortest pause again.
    void succeeded() noexcept {
        if (pause_.load(std::memory_order_relaxed) != shortest)
            pause_.store(shortest, std::memory_order_relaxed);
    }

    /// Ends the pause: something that was short has been given back.
    void resume() noexcept { until_.store(Deadline::now(), std::memory_order_relaxed); }

    /// Ends the pause, if there is one. Costs no look at the clock where nothing is short.
    /// \return whether there was one, so that who waits for its end is to be woken
    bool end_pause() noexcept {
        if (pause_.load(std::memory_order_relaxed) == shortest || !pausing())
            return false;
        resume();
        return true;
    }

    /// Until when not to accept.
    [[nodiscard]] Deadline until() const noexcept { return until_.load(std::memory_order_relaxed); }

    /// Whether it is a time not to accept.
    [[nodiscard]] bool pausing() const noexcept { return !until().expired(); }

private:
    static constexpr std::chrono::milliseconds shortest{1};
    static constexpr std::chrono::milliseconds longest{50};

    std::atomic<std::chrono::milliseconds> pause_{shortest};
    std::atomic<Deadline> until_{Deadline::now()};
    std::mutex mutex_;
    std::array<LogLimit, 3> logs_;  // one for each cause
};

}  // namespace socketserver::detail
