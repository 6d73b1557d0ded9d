#include <socketserver/net/poll_waiter.hpp>

#include <socketserver/net/request_registry.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/os/signals.hpp>

#include <poll.h>

#include <array>
#include <cerrno>
#include <thread>
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

/// What tells that the peer has left, while something else is waited for; or -1.
int PollWaiter::looks_after(int fd) const noexcept {
    const Waitable* const connection = ends_with_peer_of();
    return connection != nullptr && connection->fd != fd && !connection->output_ended ? connection->fd : -1;
}

/// \param events of its connection
bool PollWaiter::peer_has_left(short events) const noexcept {
    return (events & POLLHUP) != 0 && !ends_with_peer_of()->output_ended;
}

WaitResult PollWaiter::poll_until(int fd, short events, Deadline deadline) {
    // poll(2) passes over negative descriptors.
    std::array<pollfd, 4> polled{
        {{fd, events, 0}, {cut_ != nullptr ? cut_->fd() : -1, POLLIN, 0}, {-1, POLLIN, 0}, {looks_after(fd), 0, 0}}};
    for (bool woken = false;;) {
        Deadline until = deadline;
        if (duty_ != nullptr) {
            until = earlier(deadline, duty_->see_to_it(woken));
            polled[2].fd = duty_->fd();
        }
        const int ready = ::poll(polled.data(), polled.size(), until.poll_timeout());
        woken = ready > 0 && polled[2].revents != 0;
        if (ready < 0) {
            if (errno != EINTR)
                throw_errno(errno, "poll");
        } else if (ready == 0) {
            if (until == deadline && deadline.expired())
                return WaitResult::timed_out;
        } else if (polled[1].revents != 0 || peer_has_left(polled[3].revents)) {
            return WaitResult::cut;
        } else if (polled[0].revents != 0) {
            return WaitResult::ready;
        } else if (polled[3].revents != 0) {
            polled[3].fd = -1;  // the request itself has ended its output
        }
    }
}

/// A thread, which no handler of a signal interrupts: those of a process that serves one request count on one thread.
class PollWaiter::SideThread final : public SideContext {
public:
    SideThread(std::function<void()> work, const ServerContext* server) {
        const auto block = ScopedSignalBlock::asynchronous();
        try {
            thread_ = std::thread([this, server, own = std::move(work)] {
                PollWaiter waiter(cut_, server, Shared::with_other_contexts);
                const ScopedWaiter installed(waiter);
                own();
            });
        } catch (const std::system_error& failure) {
            throw_errno(failure.code().value(), "pthread_create");
        }
    }
    ~SideThread() override { thread_.join(); }

    void cut() noexcept override { cut_.notify(); }

private:
    Wakeup cut_;
    std::thread thread_;
};

std::unique_ptr<SideContext> PollWaiter::start_beside(std::function<void()> work) {
    return std::make_unique<SideThread>(std::move(work), server());
}

}  // namespace socketserver
