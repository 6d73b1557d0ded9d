#pragma once

/// \file
/// Absolute points in time until which an operation may wait.

#include <algorithm>
#include <chrono>
#include <compare>
#include <optional>
#include <string>

namespace socketserver {

/// The point in time at which a wait is given up. Absolute, so that it can travel through any number of
/// retries (EINTR, partial writes) without drifting. Measured on the monotonic clock.
///
/// A value: copy it freely, use it from any thread.
class Deadline {
public:
    /// The clock deadlines are measured on.
    using Clock = std::chrono::steady_clock;

    /// A deadline that never comes.
    constexpr Deadline() noexcept = default;

    /// A deadline at a point in time.
    /// \param when the point in time
    constexpr explicit Deadline(Clock::time_point when) noexcept : when_(when) {}

    /// A deadline that never comes.
    [[nodiscard]] static constexpr Deadline never() noexcept { return {}; }

    /// A deadline that has already come: a wait until then only looks.
    [[nodiscard]] static constexpr Deadline now() noexcept { return Deadline{Clock::time_point::min()}; }

    /// A deadline \p span from now; a span too long for the clock means never.
    /// \param span how long from now; negative means already past
    [[nodiscard]] static Deadline after(std::chrono::nanoseconds span) noexcept {
        const auto today = Clock::now();
        return span < Clock::time_point::max() - today ? Deadline{today + span} : never();
    }

    /// A deadline \p timeout from now, or never if there is no time-out.
    /// \param timeout how long from now, if bounded
    [[nodiscard]] static Deadline from_timeout(std::optional<std::chrono::nanoseconds> timeout) noexcept {
        return timeout ? after(*timeout) : never();
    }

    /// Whether it never comes.
    [[nodiscard]] constexpr bool is_never() const noexcept { return when_ == Clock::time_point::max(); }

    /// Whether it has come.
    [[nodiscard]] bool expired() const noexcept {
        return !is_never() && (when_ == Clock::time_point::min() || when_ <= Clock::now());
    }

    /// The point in time.
    [[nodiscard]] constexpr Clock::time_point when() const noexcept { return when_; }

    /// How long until then: zero once it has come, the longest span if it never comes.
    [[nodiscard]] std::chrono::nanoseconds remaining() const noexcept;

    /// What poll(2) and epoll_wait(2) take: milliseconds until then, rounded up so that a wait never ends
    /// early, 0 once it has come, -1 for never, and at most about 24 days.
    [[nodiscard]] int poll_timeout() const noexcept;

    /// The earlier of two deadlines.
    [[nodiscard]] friend constexpr Deadline earlier(Deadline a, Deadline b) noexcept {
        return Deadline{std::min(a.when_, b.when_)};
    }

    /// Deadlines are ordered by their point in time.
    friend constexpr auto operator<=>(Deadline, Deadline) noexcept = default;

private:
    Clock::time_point when_ = Clock::time_point::max();
};

/// A span in seconds, for messages: "10", "0.25".
/// \param span any span
[[nodiscard]] std::string seconds_text(std::chrono::nanoseconds span);

}  // namespace socketserver
