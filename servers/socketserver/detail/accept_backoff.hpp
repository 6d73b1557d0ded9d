#pragma once

/// \file
/// What a server does while descriptors or memory have run out.

#include <socketserver/os/deadline.hpp>

#include <chrono>
#include <cstdint>

namespace socketserver::detail {

/// Decides how long not to accept after a failure that will not go away by itself, and when to log it.
/// Pauses of 1 ms doubling to 50 ms; one log line per interval of 1 s, saying how many failures it stands for.
///
/// Thread: the serving loop's, but for resume(), which that loop calls too.
class AcceptBackoff {
public:
    /// Tells of a failure.
    /// \return how many failures a log line is now due for; 0 if none is
    std::uint64_t failed() noexcept;

    /// Tells of a success: the next failure begins with the shortest pause again.
    void succeeded() noexcept { pause_ = shortest; }

    /// Ends the pause: something that was short has been given back.
    void resume() noexcept { until_ = Deadline::now(); }

    /// Until when not to accept.
    [[nodiscard]] Deadline until() const noexcept { return until_; }

    /// Whether it is a time not to accept.
    [[nodiscard]] bool pausing() const noexcept { return !until_.expired(); }

private:
    static constexpr std::chrono::milliseconds shortest{1};
    static constexpr std::chrono::milliseconds longest{50};
    static constexpr std::chrono::seconds log_interval{1};

    std::chrono::milliseconds pause_ = shortest;
    Deadline until_ = Deadline::now();
    Deadline next_log_ = Deadline::now();
    std::uint64_t unlogged_ = 0;
};

}  // namespace socketserver::detail
