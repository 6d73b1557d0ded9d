#include <socketserver/os/signal_timer.hpp>

#include <csignal>

namespace socketserver {

SignalTimer::SignalTimer(int signal, void* value) noexcept {
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = signal;
    event.sigev_value.sival_ptr = value;
    exists_ = ::timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
}

SignalTimer::~SignalTimer() {
    if (exists_)
        ::timer_delete(timer_);
}

void SignalTimer::arm(std::chrono::nanoseconds span) noexcept {
    // Short enough for the timer's arithmetic, and longer than anybody waits.
    constexpr std::chrono::hours longest{24};
    if (span >= longest)
        return disarm();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(span);
    itimerspec when{};
    when.it_value.tv_sec = seconds.count();
    when.it_value.tv_nsec = (span - seconds).count();
    if (exists_)
        ::timer_settime(timer_, 0, &when, nullptr);
}

void SignalTimer::disarm() noexcept {
    constexpr itimerspec never{};
    if (exists_)
        ::timer_settime(timer_, 0, &never, nullptr);
}

}  // namespace socketserver
