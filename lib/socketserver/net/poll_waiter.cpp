#include <socketserver/net/poll_waiter.hpp>

#include <socketserver/net/request_registry.hpp>
#include <socketserver/os/error.hpp>

#include <poll.h>

#include <array>
#include <cerrno>
#include <utility>

namespace socketserver {

WaitResult PollWaiter::do_wait(Waitable& what, Interest interest, Deadline deadline) {
    // A request that was asked to end reads what had come by then and waits for nothing more. If that happens while
    // it waits here, its connection is shut down for reading, which ends the poll.
    const auto input_has_ended = [&] {
        return interest == Interest::readable && what.request != nullptr && what.request->input_has_ended();
    };
    if (input_has_ended())
        return WaitResult::stopped;
    const auto result = poll_until(what.fd, interest == Interest::readable ? POLLIN : POLLOUT, deadline);
    return result == WaitResult::ready && input_has_ended() ? WaitResult::stopped : result;
}

WaitResult PollWaiter::do_sleep(Deadline deadline) {
    return poll_until(-1, 0, deadline);
}

WaitResult PollWaiter::do_park(Deadline deadline, Cut cut) {
    std::unique_lock lock(mutex_);
    if (std::exchange(permit_, false))
        return WaitResult::ready;
    if (cut_ == nullptr || cut == Cut::is_ignored) {
        const auto unparked = [this] { return permit_; };
        if (!unparked_)
            unparked_.emplace();
        if (deadline.is_never())
            unparked_->wait(lock, unparked);
        else if (deadline.expired() || !unparked_->wait_until(lock, deadline.when(), unparked))
            return WaitResult::timed_out;
        permit_ = false;
        return WaitResult::ready;
    }
    if (!unparked_descriptor_)
        unparked_descriptor_.emplace();
    unparked_descriptor_->clear();
    polling_ = true;
    lock.unlock();
    const WaitResult result = poll_until(unparked_descriptor_->fd(), POLLIN, deadline);
    lock.lock();
    polling_ = false;
    return std::exchange(permit_, false) ? WaitResult::ready : result;
}

void PollWaiter::unpark() noexcept {
    const std::lock_guard lock(mutex_);
    permit_ = true;
    if (polling_)
        unparked_descriptor_->notify();
    else if (unparked_)
        unparked_->notify_one();
}

WaitResult PollWaiter::poll_until(int fd, short events, Deadline deadline) const {
    // poll(2) passes over negative descriptors.
    std::array<pollfd, 2> polled{{{fd, events, 0}, {cut_ != nullptr ? cut_->fd() : -1, POLLIN, 0}}};
    for (;;) {
        const int ready = ::poll(polled.data(), polled.size(), deadline.poll_timeout());
        if (ready < 0) {
            if (errno != EINTR)
                throw_errno(errno, "poll");
        } else if (ready == 0) {
            if (deadline.expired())
                return WaitResult::timed_out;
        } else {
            return polled[1].revents != 0 ? WaitResult::cut : WaitResult::ready;
        }
    }
}

}  // namespace socketserver
