#include <socketserver/fiber/detail/loop_waits.hpp>
#include <socketserver/fiber/fiber_loop.hpp>
#include <socketserver/os/error.hpp>

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace socketserver {

/// Whether the peer has left that the waiter's context ends with, which has a connection. The loop looks after that from here on.
bool FiberLoop::peer_has_left(FiberWaiter& waiter) {
    const Waitable& connection = *waiter.ends_with_peer_of();
    if (waiter.looked_after_ >= 0 || connection.output_ended)
        return waiter.peer_has_left_;
    if (!hang_ups_) {
        hang_ups_ = own_descriptor(::epoll_create1(EPOLL_CLOEXEC));
        if (!hang_ups_)
            throw_errno(errno, "epoll_create1");
        on_readable(hang_ups_.get(), [this] {
            look_for_hang_ups();
            return true;
        });
    }
    epoll_event event{};
    event.events = EPOLLET;  // a hang-up is told of in any case
    event.data.ptr = &waiter;
    if (::epoll_ctl(hang_ups_.get(), EPOLL_CTL_ADD, connection.fd, &event) != 0)
        throw_errno(errno, "epoll_ctl");
    waiter.looked_after_ = connection.fd;
    return false;
}

void FiberLoop::look_for_hang_ups() noexcept {
    std::array<epoll_event, 64> events;  // NOLINT(cppcoreguidelines-pro-type-member-init): epoll_wait writes it
    int count = 0;
    do {
        count = ::epoll_wait(hang_ups_.get(), events.data(), static_cast<int>(events.size()), 0);
        for (int i = 0; i < count; ++i) {
            auto& waiter = *static_cast<FiberWaiter*>(events[static_cast<std::size_t>(i)].data.ptr);
            if ((events[static_cast<std::size_t>(i)].events & EPOLLHUP) == 0 ||
                waiter.ends_with_peer_of()->output_ended)
                continue;
            waiter.peer_has_left_ = true;
            if (waiter.alone_ != nullptr)
                wake(*waiter.alone_, WaitResult::cut);
        }
    } while (count == static_cast<int>(events.size()));
}

void FiberLoop::run_blocking(const std::function<void()>& work) {
    Posted done(*scheduler_.current());
    try {
        helpers_.post([this, &done, &work] {
            work();
            post(done);
        });
    } catch (const std::exception&) {
        work();  // no helper is to be had: better late than not at all
        return;
    }
    scheduler_.park();
}

void FiberLoop::post(Posted& what) noexcept {
    // Under the lock to the end: what is posted may be gone, and the loop too, once the loop's thread has seen it.
    const std::lock_guard lock(mutex_);
    if (what.queued.exchange(true, std::memory_order_relaxed))
        return;
    what.next = nullptr;
    const bool is_first = first_posted_ == nullptr;
    (is_first ? first_posted_ : last_posted_->next) = &what;
    last_posted_ = &what;
    if (is_first)
        posted_.notify();
}

void FiberLoop::withdraw(Posted& what) noexcept {
    const std::lock_guard lock(mutex_);
    Posted* previous = nullptr;
    Posted** place = &first_posted_;
    while (*place != nullptr && *place != &what) {
        previous = *place;
        place = &previous->next;
    }
    if (*place == nullptr)
        return;
    *place = what.next;
    if (last_posted_ == &what)
        last_posted_ = previous;
}

void FiberLoop::resume_posted() noexcept {
    const std::lock_guard lock(mutex_);
    for (Posted* what = std::exchange(first_posted_, nullptr); what != nullptr;) {
        Posted& now = *std::exchange(what, what->next);
        now.queued.store(false, std::memory_order_relaxed);
        if (now.waiter != nullptr)
            now.waiter->unpark_in_loop();
        else
            scheduler_.make_ready(*now.fiber);
    }
}

FiberWaiter::~FiberWaiter() {
    if (posted_.queued.load(std::memory_order_relaxed))
        loop_.withdraw(posted_);
}

void FiberWaiter::connection_changed() noexcept {
    // The descriptor is still open.
    if (const int fd = std::exchange(looked_after_, -1); fd >= 0)
        ::epoll_ctl(loop_.hang_ups_.get(), EPOLL_CTL_DEL, fd, nullptr);
    peer_has_left_ = false;
}

void FiberWaiter::unpark() noexcept {
    if (loop_.thread_ == std::this_thread::get_id())
        unpark_in_loop();
    else
        loop_.post(posted_);
}

void FiberWaiter::unpark_in_loop() noexcept {
    if (parked_ != nullptr && parked_->going_on)
        loop_.wake(*parked_, WaitResult::ready);
    else
        permit_ = true;
}

WaitResult FiberWaiter::do_park(Deadline deadline, Cut cut) {
    if (std::exchange(permit_, false))
        return WaitResult::ready;
    const bool elsewhere = cut == Cut::ends_wait && ends_with_peer_of() != nullptr;
    if (cut == Cut::ends_wait && (loop_.cut_ || cut_ || (elsewhere && loop_.peer_has_left(*this))))
        return WaitResult::cut;
    FiberLoop::FiberWait wait(loop_);
    wait.can_be_cut = cut == Cut::ends_wait;
    parked_ = &wait;
    const bool alone = elsewhere || (beside_ && cut == Cut::ends_wait);
    const WaitResult result = alone ? loop_.park_alone(*this, wait, deadline) : loop_.park(wait, deadline);
    parked_ = nullptr;
    return result;
}

/// A fiber of the same loop, as another context's.
class FiberLoop::SideFiber final : public SideContext {
public:
    SideFiber(FiberLoop& loop, const ServerContext* server, std::function<void()> work) : loop_(loop) {
        const Fiber* const starter = loop.scheduler_.current();
        loop.spawn(
            [this, own = std::move(work)] {
                waiter_ = static_cast<FiberWaiter*>(&Waiter::current());
                waiter_->beside_ = true;
                waiter_->cut_ = cut_;
                own();
                // Whoever is told by that destroys this object when it has its turn, which it has not had yet.
                waiter_ = nullptr;
            },
            server, starter->name());
    }

    void cut() noexcept override {
        cut_ = true;
        if (waiter_ != nullptr)
            loop_.cut(*waiter_);
    }

private:
    FiberLoop& loop_;
    FiberWaiter* waiter_ = nullptr;  // while it runs
    bool cut_ = false;
};

std::unique_ptr<SideContext> FiberWaiter::start_beside(std::function<void()> work) {
    return std::make_unique<FiberLoop::SideFiber>(loop_, server(), std::move(work));
}

}  // namespace socketserver
