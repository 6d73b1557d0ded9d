#include <socketserver/net/waiter.hpp>

#include <socketserver/net/poll_waiter.hpp>
#include <socketserver/net/request_registry.hpp>

#include <utility>

namespace socketserver {

namespace {

// What a ScopedWaiter installed in this thread. A fiber scheduler swaps it with the fiber it runs.
thread_local Waiter* installed = nullptr;

}  // namespace

Waitable::Waitable() noexcept = default;
Waitable::Waitable(int descriptor) noexcept : fd(descriptor) {}
Waitable::Waitable(Waitable&& other) noexcept
    : fd(std::exchange(other.fd, -1)),
      input_drained(other.input_drained),
      shared(other.shared),
      watch(std::move(other.watch)),
      request(std::move(other.request)) {}
Waitable& Waitable::operator=(Waitable&& other) noexcept {
    fd = std::exchange(other.fd, -1);
    input_drained = other.input_drained;
    shared = other.shared;
    watch = std::move(other.watch);
    request = std::move(other.request);
    return *this;
}
Waitable::~Waitable() = default;

void PendingOutput::link() noexcept {
    if (waiter_ != nullptr)
        return;
    waiter_ = &Waiter::current();
    previous_ = nullptr;
    next_ = waiter_->pending_;
    if (next_ != nullptr)
        next_->previous_ = this;
    waiter_->pending_ = this;
}

void PendingOutput::unlink() noexcept {
    if (waiter_ == nullptr)
        return;
    (previous_ != nullptr ? previous_->next_ : waiter_->pending_) = next_;
    if (next_ != nullptr)
        next_->previous_ = previous_;
    waiter_ = nullptr;
}

Waiter& Waiter::current() noexcept {
    if (installed != nullptr)
        return *installed;
    thread_local PollWaiter own;
    return own;
}

Waiter* Waiter::exchange_current(Waiter* waiter) noexcept {
    return std::exchange(installed, waiter);
}

WaitResult Waiter::wait(Waitable& what, Interest interest, Deadline deadline) {
    flush_pending();
    return do_wait(what, interest, deadline);
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

ScopedWaiter::ScopedWaiter(Waiter& waiter) noexcept : former_(std::exchange(installed, &waiter)) {}

ScopedWaiter::~ScopedWaiter() {
    installed = former_;
}

}  // namespace socketserver
