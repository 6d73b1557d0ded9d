#include <socketserver/net/request_limit.hpp>

#include <socketserver/net/waiter.hpp>

namespace socketserver {

/// A context in the list of those who wait, for as long as it lives.
class RequestLimit::Waiting {
public:
    explicit Waiting(RequestLimit& limit) noexcept : waiter(Waiter::current()), limit_(limit) {
        const std::lock_guard lock(limit_.mutex_);
        next = std::exchange(limit_.waiting_, this);
        ++limit_.waiting_count_;
    }
    ~Waiting() {
        const std::lock_guard lock(limit_.mutex_);
        Waiting** place = &limit_.waiting_;
        while (*place != this)
            place = &(*place)->next;
        *place = next;
        --limit_.waiting_count_;
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

    Waiter& waiter;
    Waiting* next = nullptr;  // guarded by the mutex

private:
    RequestLimit& limit_;
};

RequestTicket RequestLimit::take() noexcept {
    std::size_t taken = taken_;
    while (taken < most_) {
        if (taken_.compare_exchange_weak(taken, taken + 1))
            return RequestTicket(*this);
    }
    return {};
}

void RequestLimit::wait(Deadline deadline) {
    const Waiting entry(*this);
    if (exhausted())
        entry.waiter.park(deadline);
}

void RequestLimit::give_back() noexcept {
    --taken_;
    if (waiting_count_ == 0)
        return;
    const std::lock_guard lock(mutex_);
    for (Waiting* each = waiting_; each != nullptr; each = each->next)
        each->waiter.unpark();
}

}  // namespace socketserver
