#pragma once

/// \file
/// A timer that sends this process a signal.

#include <chrono>
#include <ctime>

namespace socketserver {

/// Sends this process a signal when time is up (timer_create(2)), for code that cannot wait: signal handlers.
///
/// Owns: the timer. Forked children have none. Thread: any, one at a time; arm() and disarm() from signal handlers, too.
class SignalTimer {
public:
    /// \param signal the signal to send
    /// \param value what `siginfo_t::si_value.sival_ptr` says then
    explicit SignalTimer(int signal, void* value = nullptr) noexcept;
    ~SignalTimer();
    SignalTimer(const SignalTimer&) = delete;
    SignalTimer& operator=(const SignalTimer&) = delete;

    /// Whether there was a timer to be had: each needs a place among the signals that may be queued (RLIMIT_SIGPENDING). Without
    /// one arm() does nothing.
    explicit operator bool() const noexcept { return exists_; }

    /// Has the signal sent once, in place of what it was told before. Async-signal-safe.
    /// \param span how long from now; a day or more means never
    void arm(std::chrono::nanoseconds span) noexcept;

    /// Has no signal sent. Async-signal-safe.
    void disarm() noexcept;

private:
    timer_t timer_{};
    bool exists_;
};

}  // namespace socketserver
