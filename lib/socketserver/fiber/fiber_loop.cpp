#include <socketserver/fiber/detail/loop_waits.hpp>
#include <socketserver/fiber/fiber_loop.hpp>
#include <socketserver/net/request_registry.hpp>

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace socketserver {

namespace {

/// \param events what poll(2) is to look for
bool is_ready(int fd, short events) noexcept {
    pollfd entry{fd, events, 0};
    return ::poll(&entry, 1, 0) > 0;
}

}  // namespace

FiberLoop::FiberLoop(const FiberLoopOptions& options)
    : stacks_(options.stack_size, options.guard),
      scheduler_(stacks_),
      overflow_report_(stacks_, scheduler_),
      selector_(Selector::make(options.selector)) {
    on_readable(posted_.fd(), [this] {
        posted_.clear();
        resume_posted();
        return true;
    });
}

FiberLoop::~FiberLoop() {
    for (const Entry& entry : entries_)
        if (entry.watch != nullptr)
            entry.watch->loop_has_ended();
}

void FiberLoop::run_once(Deadline deadline) {
    const Deadline until = scheduler_.has_ready() ? Deadline::now() : earlier(deadline, timers_.next());
    deliver_events(until);
    advance_timers();
    // Last, so that a caller who looks whether there is anything left to do sees what the fibers have done.
    scheduler_.run_ready();
    if (!scheduler_.has_ready())
        return;
    // Fibers that only gave way: each question to the system is a call, so they have some more turns before the next.
    constexpr std::chrono::microseconds longest{200};
    const Deadline more = Deadline::after(longest);
    do
        scheduler_.run_ready();
    while (scheduler_.has_ready() && !more.expired());
}

/// Waits for events, and tells those who wait.
/// \return how many there were
std::size_t FiberLoop::deliver_events(Deadline deadline) {
    const std::size_t count = selector_->wait(deadline, events_);
    for (std::size_t i = 0; i < count; ++i)
        deliver(events_[i]);
    return count;
}

/// Lets time pass. What has come by then is told of first, for a time-out must not win over it: much may have come, and time passed,
/// while the thread computed or the process was stopped.
void FiberLoop::advance_timers() {
    if (timers_.next().is_never())
        return;
    const auto now = Deadline::Clock::now();
    if (timers_.next().when() <= now) {
        // No more than there are descriptors, lest new events keep old timers waiting.
        for (std::size_t looked = 0; looked <= entries_.size(); looked += events_.size())
            if (deliver_events(Deadline::now()) < events_.size())
                break;
    }
    timers_.advance(now);
}

void FiberLoop::deliver(const Selector::Event& event) noexcept {
    const auto index = static_cast<std::uint32_t>(event.token);
    const Entry& entry = entries_[index];
    if (entry.watch == nullptr || entry.generation != static_cast<std::uint32_t>(event.token >> 32U))
        return;
    Watch& watch = *entry.watch;
    watch.deliver(event.readiness);
    if (event.readiness.readable && watch.on_readable && !watch.on_readable()) {
        watch.on_readable = nullptr;
        watch.tell_wants();
    }
}

void FiberLoop::on_readable(int fd, std::function<bool()> callback) {
    auto watch = std::make_unique<Watch>(*this, fd);
    watch->on_readable = std::move(callback);
    watch->tell_wants();
    own_watches_.push_back(std::move(watch));
}

void FiberLoop::cut() noexcept {
    cut_ = true;
    for (const Entry& entry : entries_)
        while (entry.watch != nullptr && entry.watch->waits_ != nullptr)
            wake(*entry.watch->waits_, WaitResult::cut);
    while (waits_ != nullptr)
        wake(*waits_, WaitResult::cut);
}

void FiberLoop::nudge(Waitable& what) noexcept {
    if (Watch* const watch = find_watch(what))
        watch->deliver({.readable = true});
}

/// Of a shared descriptor nothing hangs on the Waitable.
inline FiberLoop::Watch& FiberLoop::watch(Waitable& what) {
    auto* const watched = static_cast<Watch*>(what.watch.get());
    return watched != nullptr && watched->belongs_to(*this) ? *watched : make_watch(what);
}

/// Parks a fiber whose wait may be cut without the others of the loop: it waits for something else than the connection it ends with,
/// or another context has started it.
WaitResult FiberLoop::park_alone(FiberWaiter& waiter, FiberWait& wait, Deadline deadline) {
    waiter.alone_ = &wait;
    const WaitResult result = park(wait, deadline);
    waiter.alone_ = nullptr;
    return result;
}

void FiberLoop::cut(FiberWaiter& waiter) noexcept {
    waiter.cut_ = true;
    if (waiter.alone_ != nullptr)
        wake(*waiter.alone_, WaitResult::cut);
}

WaitResult FiberLoop::wait(FiberWaiter& waiter, Waitable& what, Interest interest, Deadline deadline) {
    // A request that was asked to end reads what had come by then, and waits for nothing more.
    const auto input_has_ended = [&] {
        return interest == Interest::readable && what.request != nullptr && what.request->input_has_ended();
    };
    if (cut_ || waiter.cut_)
        return WaitResult::cut;
    if (input_has_ended())
        return WaitResult::stopped;
    if (what.shared && interest == Interest::writable)
        return wait_for_room(waiter, what, deadline);
    const Waitable* const connection = waiter.ends_with_peer_of();
    const bool elsewhere = connection != nullptr && connection != &what;
    if (elsewhere && peer_has_left(waiter))
        return WaitResult::cut;
    Watch& watched = watch(what);
    if (watched.take(interest))
        return WaitResult::ready;
    FiberWait wait(*this);
    wait.interest = interest;
    watched.add(wait);
    // Afterwards the descriptor may be closed, and its watch gone with it.
    const WaitResult result = elsewhere || waiter.beside_ ? park_alone(waiter, wait, deadline) : park(wait, deadline);
    return result == WaitResult::ready && input_has_ended() ? WaitResult::stopped : result;
}

/// Waits until a shared descriptor is writable. A selector would tell of it, but perhaps another loop's.
WaitResult FiberLoop::wait_for_room(FiberWaiter& waiter, const Waitable& what, Deadline deadline) {
    constexpr std::chrono::milliseconds longest{50};
    for (std::chrono::milliseconds pause{1};; pause = std::min(pause * 2, longest)) {
        const WaitResult slept = sleep(waiter, earlier(deadline, Deadline::after(pause)));
        if (slept != WaitResult::timed_out)
            return slept;
        const bool last = deadline.expired();
        if (is_ready(what.fd, POLLOUT))
            return WaitResult::ready;
        if (last)
            return WaitResult::timed_out;
    }
}

WaitResult FiberLoop::sleep(FiberWaiter& waiter, Deadline deadline) {
    const bool elsewhere = waiter.ends_with_peer_of() != nullptr;
    if (cut_ || waiter.cut_ || (elsewhere && peer_has_left(waiter)))
        return WaitResult::cut;
    if (deadline.expired()) {
        // Without the timers, for which a time that has come is the next millisecond.
        yield();
        return cut_ || waiter.cut_ || waiter.peer_has_left_ ? WaitResult::cut : WaitResult::timed_out;
    }
    FiberWait wait(*this);
    return elsewhere || waiter.beside_ ? park_alone(waiter, wait, deadline) : park(wait, deadline);
}

void FiberLoop::when_readable(Waitable& what, Deadline deadline, const ServerContext* server,
                              std::function<void(WaitResult)> then) {
    const bool drained = std::exchange(what.input_drained(), false);
    Watch& watched = watch(what);
    if (!drained && is_ready(what.fd, POLLIN))
        watched.look_again(Interest::readable);
    auto wait = std::make_unique<IdleWait>(*this, server, std::move(then));
    if (cut_ || watched.take(Interest::readable)) {
        wait->result = cut_ ? WaitResult::cut : WaitResult::ready;
        wait.release()->over();
        return;
    }
    watched.add(*wait);
    begin(*wait.release(), deadline);
}

void FiberLoop::wake(Wait& wait, WaitResult result) noexcept {
    if (!std::exchange(wait.going_on, false))
        return;  // over already, though its fiber has not had its turn yet
    if (wait.watch != nullptr) {
        wait.watch->remove(wait);
    } else if (wait.can_be_cut) {
        (wait.previous != nullptr ? wait.previous->next : waits_) = wait.next;
        if (wait.next != nullptr)
            wait.next->previous = wait.previous;
    }
    wait.disarm();
    wait.result = result;
    wait.over();
}

void FiberLoop::leave_shared() noexcept {
    shared_watches_.clear();
}

FiberLoop::Watch* FiberLoop::find_watch(const Waitable& what) const noexcept {
    if (!what.shared)
        return static_cast<Watch*>(what.watch.get());
    for (const auto& each : shared_watches_) {
        if (each->fd_ == what.fd)
            return each.get();
    }
    return nullptr;
}

FiberLoop::Watch& FiberLoop::make_watch(Waitable& what) {
    if (what.shared) {
        if (Watch* const watched = find_watch(what))
            return *watched;
        return *shared_watches_.emplace_back(std::make_unique<Watch>(*this, what.fd, Selector::Sharing::shared));
    }
    what.watch = std::make_unique<Watch>(*this, what.fd);
    return static_cast<Watch&>(*what.watch);
}

Selector::Token FiberLoop::enter(Watch& watch) {
    std::uint32_t index = 0;
    if (free_entries_.empty()) {
        index = static_cast<std::uint32_t>(entries_.size());
        entries_.emplace_back();
        free_entries_.reserve(entries_.size());
    } else {
        index = free_entries_.back();
        free_entries_.pop_back();
    }
    Entry& entry = entries_[index];
    entry.watch = &watch;
    return (Selector::Token{entry.generation} << 32U) | index;
}

void FiberLoop::leave(Selector::Token token) noexcept {
    const auto index = static_cast<std::uint32_t>(token);
    entries_[index].watch = nullptr;
    ++entries_[index].generation;
    free_entries_.push_back(index);
}

}  // namespace socketserver
