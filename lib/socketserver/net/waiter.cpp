#include <socketserver/net/waiter.hpp>

#include <socketserver/net/poll_waiter.hpp>

namespace socketserver {

constinit thread_local Waiter* Waiter::installed_ = nullptr;

void PendingOutput::enter_list() noexcept {
    waiter_ = &Waiter::current();
    previous_ = nullptr;
    next_ = waiter_->pending_;
    if (next_ != nullptr)
        next_->previous_ = this;
    waiter_->pending_ = this;
}

void PendingOutput::leave_list() noexcept {
    (previous_ != nullptr ? previous_->next_ : waiter_->pending_) = next_;
    if (next_ != nullptr)
        next_->previous_ = previous_;
    waiter_ = nullptr;
}

Waiter& Waiter::own() noexcept {
    thread_local PollWaiter own;
    return own;
}

WaitResult Waiter::sleep_until(Deadline deadline) {
    flush_pending();
    return do_sleep(deadline);
}

WaitResult Waiter::park(Deadline deadline, Cut cut) {
    flush_pending();
    return do_park(deadline, cut);
}

void Waiter::flush_all() noexcept {
    // The newest first: its sending begins with a flush_pending() too, so that what is older leaves before it.
    while (pending_ != nullptr) {
        PendingOutput* const output = pending_;
        output->unlink();
        output->flush_before_wait();
    }
}

}  // namespace socketserver
