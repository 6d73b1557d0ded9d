#pragma once

/// \file
/// Timers whose cost does not grow with their number.

#include <socketserver/os/deadline.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

namespace socketserver {

class TimerWheel;

/// A timer: an entry of a TimerWheel while it is armed.
///
/// Owns nothing; disarms itself when destroyed. Thread: its wheel's. Not movable.
class Timer {
public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    virtual ~Timer() { disarm(); }

    /// Whether it is armed.
    [[nodiscard]] bool armed() const noexcept { return wheel_ != nullptr; }

    /// Takes it out of its wheel, if it is in one.
    void disarm() noexcept {
        if (armed())
            leave_wheel();
    }

private:
    friend class TimerWheel;
    void leave_wheel() noexcept;
    /// Called once when the time has come; the timer is disarmed by then, and may be armed again.
    virtual void expired() noexcept = 0;

    TimerWheel* wheel_ = nullptr;
    Timer* next_ = nullptr;
    Timer* previous_ = nullptr;
    std::uint64_t tick_ = 0;  // when it expires
    std::uint8_t level_ = 0;  // where it stands, while armed
    std::uint8_t slot_ = 0;
};

/// A hierarchical timing wheel (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987) with ticks of a
/// millisecond: arming and disarming are O(1), and advancing costs what expires, plus at most one move per level for each timer.
///
/// Six levels of 64 slots: level n holds the timers whose tick differs from now first in the n-th group of six bits.
///
/// Invariants:
/// 1. An armed timer stands in the slot that its tick's six bits of its level say.
/// 2. A bit of occupied_[level] is set exactly if that slot is not empty.
/// 3. No armed timer stands at a tick before now_, nor a round of the top level or more ahead of it.
///
/// Owns: nothing. Thread: one. Life: outlives its armed timers, or disarms them.
class TimerWheel {
public:
    TimerWheel() noexcept;
    TimerWheel(const TimerWheel&) = delete;
    TimerWheel& operator=(const TimerWheel&) = delete;
    ~TimerWheel();

    /// Arms a timer; arms it anew if it is armed.
    /// \param timer stays where it is until it expires or is disarmed
    /// \param deadline when it expires, never before; one that never comes disarms it
    void arm(Timer& timer, Deadline deadline) noexcept;

    /// When to call advance() next: not later than the first expiry; never if nothing is armed.
    [[nodiscard]] Deadline next() const noexcept;

    /// Lets time pass: calls expired() of every timer whose time has come.
    /// \param now the time
    void advance(Deadline::Clock::time_point now) noexcept;

private:
    friend class Timer;
    static constexpr unsigned bits = 6;
    static constexpr unsigned slots = 1U << bits;
    static constexpr unsigned levels = 6;
    /// The furthest a timer can stand ahead; one further away moves on when it gets there. Never a whole round of the top
    /// level: in the slot of now_ a timer would be taken for the next one to expire.
    static constexpr std::uint64_t horizon = std::uint64_t{slots - 1} << (bits * (levels - 1));

    struct Expiry {
        unsigned level;
        unsigned slot;
        std::uint64_t tick;
    };
    [[nodiscard]] std::uint64_t tick_of(Deadline::Clock::time_point when) const noexcept;
    [[nodiscard]] std::optional<Expiry> first_expiry() const noexcept;
    void place(Timer& timer) noexcept;
    void remove(Timer& timer) noexcept;

    const Deadline::Clock::time_point start_;
    std::uint64_t now_ = 0;
    std::array<std::uint64_t, levels> occupied_{};
    std::array<std::array<Timer*, slots>, levels> slots_{};
};

}  // namespace socketserver
