#include <socketserver/fiber/mutex.hpp>

#include <socketserver/net/waiter.hpp>

#include <utility>

namespace socketserver {

/// One that waits. Lives on its stack, until it has seen under the guard that the mutex is its own: whoever hands over is done
/// with it then.
struct mutex::Waiting {
    Waiter& waiter;
    Waiting* next = nullptr;
    bool has_it = false;
};

void mutex::lock_slowly() {
    Waiter& waiter = Waiter::current();
    // Sending may wait itself, and must not keep others from the mutex when their turn has come.
    waiter.flush_pending();
    Waiting self{waiter};
    {
        const std::lock_guard lock(guard_);
        State state = State::held;
        while (!state_.compare_exchange_weak(state, State::awaited, std::memory_order_relaxed)) {
            if (state == State::awaited)
                break;
            if (state == State::free && try_lock())
                return;
            state = State::held;
        }
        (first_ == nullptr ? first_ : last_->next) = &self;
        last_ = &self;
    }
    for (;;) {
        waiter.park(Deadline::never(), Cut::is_ignored);
        const std::lock_guard lock(guard_);
        if (self.has_it)
            return;
    }
}

void mutex::hand_over() noexcept {
    const std::lock_guard lock(guard_);
    Waiting& next = *std::exchange(first_, first_->next);
    if (first_ == nullptr)
        state_.store(State::held, std::memory_order_relaxed);
    next.has_it = true;
    next.waiter.unpark();
}

}  // namespace socketserver
