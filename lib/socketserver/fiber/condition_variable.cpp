#include <socketserver/fiber/condition_variable.hpp>

#include <optional>

namespace socketserver {

/// One that waits. Stands in the list, on its own stack, until it is notified or takes itself out.
struct condition_variable::Waiting {
    Waiting(condition_variable& the_condition, Waiter& the_waiter) : condition(the_condition), waiter(the_waiter) {
        const std::lock_guard guard(condition.guard_);
        previous = condition.last_;
        (previous != nullptr ? previous->next : condition.first_) = this;
        condition.last_ = this;
    }
    ~Waiting() {
        const std::lock_guard guard(condition.guard_);
        if (listed)
            leave_locked();
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

    void leave_locked() noexcept {
        (previous != nullptr ? previous->next : condition.first_) = next;
        (next != nullptr ? next->previous : condition.last_) = previous;
        listed = false;
    }

    /// Whether the wait is over, and how. Under the guard: whoever notified is done with it then, and nobody notifies one that gives up.
    [[nodiscard]] std::optional<WaitResult> over(WaitResult parked) {
        const std::lock_guard guard(condition.guard_);
        if (!listed)
            return WaitResult::ready;
        if (parked == WaitResult::ready)
            return std::nullopt;  // unparked for an earlier reason
        leave_locked();
        return parked;
    }

    condition_variable& condition;
    Waiter& waiter;
    Waiting* next = nullptr;
    Waiting* previous = nullptr;
    bool listed = true;
};

WaitResult condition_variable::wait_until(std::unique_lock<mutex>& lock, Deadline deadline) {
    Waiter& waiter = Waiter::current();
    // While the mutex is still held, so that what waits for output to leave does not miss a notification.
    waiter.flush_pending();
    struct Unlocked {
        explicit Unlocked(std::unique_lock<mutex>& the_lock) : lock(the_lock) { lock.unlock(); }
        ~Unlocked() { lock.lock(); }
        Unlocked(const Unlocked&) = delete;
        Unlocked& operator=(const Unlocked&) = delete;
        std::unique_lock<mutex>& lock;
    };
    Waiting self(*this, waiter);
    const Unlocked unlocked(lock);
    for (;;) {
        const auto result = self.over(waiter.park(deadline));
        if (result)
            return *result;
    }
}

void condition_variable::notify_first_locked() noexcept {
    Waiting& first = *first_;
    first.leave_locked();
    first.waiter.unpark();
}

void condition_variable::notify_one() noexcept {
    const std::lock_guard guard(guard_);
    if (first_ != nullptr)
        notify_first_locked();
}

void condition_variable::notify_all() noexcept {
    const std::lock_guard guard(guard_);
    while (first_ != nullptr)
        notify_first_locked();
}

}  // namespace socketserver
