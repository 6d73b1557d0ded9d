#include <socketserver/detail/admissions.hpp>

namespace socketserver::detail {

/// A context in the list of those who wait, for as long as it lives.
class Admissions::Waiting {
public:
    explicit Waiting(Admissions& admissions) noexcept : waiter(Waiter::current()), admissions_(admissions) {
        const std::lock_guard lock(admissions_.mutex_);
        next = std::exchange(admissions_.waiting_, this);
        ++admissions_.waiting_count_;
    }
    ~Waiting() {
        const std::lock_guard lock(admissions_.mutex_);
        Waiting** place = &admissions_.waiting_;
        while (*place != this)
            place = &(*place)->next;
        *place = next;
        --admissions_.waiting_count_;
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

    Waiter& waiter;
    Waiting* next = nullptr;  // guarded by the mutex

private:
    Admissions& admissions_;
};

Admissions::Ticket Admissions::take() noexcept {
    std::size_t taken = taken_;
    while (taken < limit_) {
        if (taken_.compare_exchange_weak(taken, taken + 1))
            return Ticket(*this);
    }
    return {};
}

void Admissions::wait(Deadline deadline) {
    const Waiting entry(*this);
    if (exhausted())
        entry.waiter.park(deadline);
}

void Admissions::give_back() noexcept {
    --taken_;
    if (waiting_count_ == 0)
        return;
    const std::lock_guard lock(mutex_);
    for (Waiting* each = waiting_; each != nullptr; each = each->next)
        each->waiter.unpark();
}

}  // namespace socketserver::detail
