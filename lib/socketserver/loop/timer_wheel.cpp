#include <socketserver/loop/timer_wheel.hpp>

#include <algorithm>
#include <bit>

namespace socketserver {

void Timer::leave_wheel() noexcept {
    wheel_->remove(*this);
}

TimerWheel::TimerWheel() noexcept : start_(Deadline::Clock::now()) {}

TimerWheel::~TimerWheel() {
    for (auto& level : slots_)
        for (Timer*& first : level)
            while (first != nullptr)
                first->disarm();
}

/// The first tick at or after a point in time.
std::uint64_t TimerWheel::tick_of(Deadline::Clock::time_point when) const noexcept {
    if (when <= start_)
        return 0;
    return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(when - start_).count());
}

void TimerWheel::arm(Timer& timer, Deadline deadline) noexcept {
    timer.disarm();
    if (deadline.is_never())
        return;
    timer.tick_ = tick_of(deadline.when());
    place(timer);
}

void TimerWheel::place(Timer& timer) noexcept {
    // A timer that is due now expires at the next tick: expired() is never called from within arm().
    const std::uint64_t tick = std::clamp(timer.tick_, now_ + 1, now_ + horizon);
    const auto highest_difference = static_cast<unsigned>(std::bit_width((tick ^ now_) | (slots - 1))) - 1;
    const unsigned level = std::min(highest_difference / bits, levels - 1);
    const auto slot = static_cast<unsigned>(tick >> (level * bits)) % slots;
    timer.level_ = static_cast<std::uint8_t>(level);
    timer.slot_ = static_cast<std::uint8_t>(slot);
    timer.wheel_ = this;
    timer.previous_ = nullptr;
    timer.next_ = slots_[level][slot];
    if (timer.next_ != nullptr)
        timer.next_->previous_ = &timer;
    slots_[level][slot] = &timer;
    occupied_[level] |= std::uint64_t{1} << slot;
}

void TimerWheel::remove(Timer& timer) noexcept {
    Timer*& first = slots_[timer.level_][timer.slot_];
    (timer.previous_ != nullptr ? timer.previous_->next_ : first) = timer.next_;
    if (timer.next_ != nullptr)
        timer.next_->previous_ = timer.previous_;
    if (first == nullptr)
        occupied_[timer.level_] &= ~(std::uint64_t{1} << timer.slot_);
    timer.wheel_ = nullptr;
}

/// The slot to be emptied first. A lower level always comes before a higher one.
std::optional<TimerWheel::Expiry> TimerWheel::first_expiry() const noexcept {
    for (unsigned level = 0; level < levels; ++level) {
        if (occupied_[level] == 0)
            continue;
        const unsigned shift = level * bits;
        const auto current = static_cast<int>((now_ >> shift) % slots);
        const auto ahead = static_cast<unsigned>(std::countr_zero(std::rotr(occupied_[level], current)));
        const std::uint64_t slot = (static_cast<unsigned>(current) + ahead) % slots;
        const std::uint64_t round = (now_ >> (shift + bits)) << (shift + bits);
        std::uint64_t tick = round + (slot << shift);
        if (tick <= now_)  // the top level, where ticks go on into the next round
            tick += std::uint64_t{1} << (shift + bits);
        return Expiry{level, static_cast<unsigned>(slot), tick};
    }
    return std::nullopt;
}

Deadline TimerWheel::next() const noexcept {
    const auto expiry = first_expiry();
    return expiry ? Deadline{start_ + std::chrono::milliseconds{expiry->tick}} : Deadline::never();
}

void TimerWheel::advance(Deadline::Clock::time_point now) noexcept {
    if (now <= start_)
        return;
    // Rounded down: a timer never expires early.
    const auto target = static_cast<std::uint64_t>(std::chrono::floor<std::chrono::milliseconds>(now - start_).count());
    for (auto expiry = first_expiry(); expiry && expiry->tick <= target; expiry = first_expiry()) {
        now_ = expiry->tick;
        // Each leaves the slot before anything is done for it, so that expired() may arm and disarm what it likes.
        while (Timer* const timer = slots_[expiry->level][expiry->slot]) {
            remove(*timer);
            if (timer->tick_ <= now_)
                timer->expired();
            else
                place(*timer);
        }
    }
    now_ = std::max(now_, target);
}

}  // namespace socketserver
