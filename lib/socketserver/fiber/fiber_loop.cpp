#include <socketserver/fiber/fiber_loop.hpp>

#include <socketserver/net/request_registry.hpp>
#include <socketserver/os/error.hpp>

#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace socketserver {

namespace {

/// \param events what poll(2) is to look for
bool is_ready(int fd, short events) noexcept {
    pollfd entry{fd, events, 0};
    return ::poll(&entry, 1, 0) > 0;
}

}  // namespace

/// Something that is waited for.
struct FiberLoop::Wait : Timer {
    explicit Wait(FiberLoop& the_loop) : loop(the_loop) {}

    /// Lets whoever waits go on; the wait stands in no list by then.
    virtual void over() noexcept = 0;

    void expired() noexcept override { loop.wake(*this, WaitResult::timed_out); }

    FiberLoop& loop;
    WaitResult result = WaitResult::ready;
    bool going_on = false;
    bool can_be_cut = true;
    Watch* watch = nullptr;  // null: a sleep
    Interest interest = Interest::readable;
    Wait* next_of_watch = nullptr;
    Wait* next = nullptr;  // in the loop's list of those that can be cut and wait for no descriptor
    Wait* previous = nullptr;
};

/// What a fiber waits for. Lives on that fiber's stack.
struct FiberLoop::FiberWait final : Wait {
    explicit FiberWait(FiberLoop& the_loop) : Wait(the_loop), fiber(*the_loop.scheduler_.current()) {}

    void over() noexcept override { loop.scheduler_.make_ready(fiber); }

    Fiber& fiber;
};

/// What is to be given a fiber. Owns itself.
struct FiberLoop::IdleWait final : Wait {
    IdleWait(FiberLoop& the_loop, const ServerContext* the_server, std::function<void(WaitResult)> function)
        : Wait(the_loop), server(the_server), then(std::move(function)) {
        ++loop.idle_;
    }
    ~IdleWait() override { --loop.idle_; }

    void over() noexcept override {
        constexpr std::chrono::milliseconds until_next_try{10};
        try {
            loop.spawn([this] { run(); }, server);
        } catch (const std::exception&) {
            spawning = true;
            loop.timers_.arm(*this, Deadline::after(until_next_try));
        }
    }

    void expired() noexcept override {
        if (spawning)
            over();
        else
            Wait::expired();
    }

    void run() {
        const auto function = std::move(then);
        const WaitResult how = result;
        delete this;
        function(how);
    }

    const ServerContext* server;
    std::function<void(WaitResult)> then;
    bool spawning = false;  // the wait is over; no fiber was to be had yet
};

/// A descriptor that the loop watches: what has come for it, and who waits. It may outlive the loop.
class FiberLoop::Watch final : public DescriptorWatch {
public:
    Watch(FiberLoop& loop, int fd, Selector::Sharing sharing = Selector::Sharing::alone)
        : loop_(&loop), fd_(fd), token_(loop.enter(*this)) {
        try {
            loop.selector_->add(fd_, token_, sharing);
        } catch (...) {
            loop.leave(token_);
            throw;
        }
    }
    ~Watch() override {
        if (loop_ == nullptr)
            return;
        // Somebody closes the descriptor while others wait for it: they find out by trying again.
        deliver({.readable = true, .writable = true});
        loop_->selector_->remove(fd_);
        loop_->leave(token_);
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    [[nodiscard]] bool short_reads_mislead() const noexcept override { return ended_; }

    void look_again(Interest interest) noexcept override { readiness(interest) = true; }

    [[nodiscard]] bool belongs_to(const FiberLoop& loop) const noexcept { return loop_ == &loop; }

    /// The loop is gone, and with it everything that it kept for the descriptor.
    void loop_has_ended() noexcept { loop_ = nullptr; }

    /// Takes what has come while nobody waited for it.
    [[nodiscard]] bool take(Interest interest) noexcept {
        if (!std::exchange(readiness(interest), false))
            return false;
        if (interest == Interest::readable)
            input_drained = false;
        return true;
    }

    void add(Wait& wait) noexcept {
        wait.watch = this;
        wait.next_of_watch = std::exchange(waits_, &wait);
        tell_wants();
    }

    void remove(Wait& wait) noexcept {
        Wait** place = &waits_;
        while (*place != &wait)
            place = &(*place)->next_of_watch;
        *place = wait.next_of_watch;
        tell_wants();
    }

    void deliver(Readiness came) noexcept {
        if (came.hung_up || came.urgent)
            ended_ = true;
        // Whoever has been told tries until there is no more.
        if (came.readable)
            readable_ = !tell(Interest::readable);
        if (came.writable)
            writable_ = !tell(Interest::writable);
    }

    std::function<bool()> on_readable;  // for the loop's own descriptors

private:
    /// Wakes all that wait for it.
    /// \return whether there was one
    bool tell(Interest interest) noexcept {
        bool told = false;
        for (Wait* wait = waits_; wait != nullptr;) {
            Wait* const next = wait->next_of_watch;
            if (wait->interest == interest) {
                loop_->wake(*wait, WaitResult::ready);
                told = true;
            }
            wait = next;
        }
        if (told && interest == Interest::readable)
            input_drained = false;  // who has been told need not be the one that reads next
        return told;
    }

    void tell_wants() noexcept {
        if (loop_->selector_->edge_triggered())
            return;
        Readiness wanted;
        for (const Wait* wait = waits_; wait != nullptr; wait = wait->next_of_watch)
            (wait->interest == Interest::readable ? wanted.readable : wanted.writable) = true;
        wanted.readable = wanted.readable || on_readable;
        // Urgent data is not wanted: of what reports it only once one learns of it anyway, and the others report what
        // comes after it even if a read has stopped there.
        loop_->selector_->want(fd_, wanted);
    }

    [[nodiscard]] bool& readiness(Interest interest) noexcept {
        return interest == Interest::readable ? readable_ : writable_;
    }

    friend class FiberLoop;
    FiberLoop* loop_;  // null once it is gone
    const int fd_;
    const Selector::Token token_;
    Wait* waits_ = nullptr;
    bool readable_ = false;  // has come, and nobody has been told
    bool writable_ = false;
    bool ended_ = false;  // a short read does not mean that there is no more
};

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

inline void FiberLoop::begin(Wait& wait, Deadline deadline) noexcept {
    wait.going_on = true;
    if (wait.watch == nullptr && wait.can_be_cut) {
        wait.next = waits_;
        if (waits_ != nullptr)
            waits_->previous = &wait;
        waits_ = &wait;
    }
    if (!deadline.is_never())
        timers_.arm(wait, deadline);
}

/// Parks the calling fiber until the wait is over.
// Each function that is returned from after a switch costs a return that the processor cannot foresee: hence few.
__attribute__((always_inline)) inline WaitResult FiberLoop::park(FiberWait& wait, Deadline deadline) {
    begin(wait, deadline);
    scheduler_.park();
    return wait.result;
}

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
            if (waiter.elsewhere_ != nullptr)
                wake(*waiter.elsewhere_, WaitResult::cut);
        }
    } while (count == static_cast<int>(events.size()));
}

/// Parks a fiber that waits for something else than the connection it ends with, if it has one.
WaitResult FiberLoop::park_elsewhere(FiberWaiter& waiter, FiberWait& wait, Deadline deadline) {
    waiter.elsewhere_ = &wait;
    const WaitResult result = park(wait, deadline);
    waiter.elsewhere_ = nullptr;
    return result;
}

WaitResult FiberLoop::wait(FiberWaiter& waiter, Waitable& what, Interest interest, Deadline deadline) {
    // A request that was asked to end reads what had come by then, and waits for nothing more.
    const auto input_has_ended = [&] {
        return interest == Interest::readable && what.request != nullptr && what.request->input_has_ended();
    };
    if (cut_)
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
    const WaitResult result = elsewhere ? park_elsewhere(waiter, wait, deadline) : park(wait, deadline);
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
    if (cut_ || (elsewhere && peer_has_left(waiter)))
        return WaitResult::cut;
    if (deadline.expired()) {
        // Without the timers, for which a time that has come is the next millisecond.
        yield();
        return cut_ || waiter.peer_has_left_ ? WaitResult::cut : WaitResult::timed_out;
    }
    FiberWait wait(*this);
    return elsewhere ? park_elsewhere(waiter, wait, deadline) : park(wait, deadline);
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
    if (cut == Cut::ends_wait && (loop_.cut_ || (elsewhere && loop_.peer_has_left(*this))))
        return WaitResult::cut;
    FiberLoop::FiberWait wait(loop_);
    wait.can_be_cut = cut == Cut::ends_wait;
    parked_ = &wait;
    const WaitResult result = elsewhere ? loop_.park_elsewhere(*this, wait, deadline) : loop_.park(wait, deadline);
    parked_ = nullptr;
    return result;
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
