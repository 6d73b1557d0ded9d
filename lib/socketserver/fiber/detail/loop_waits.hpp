#pragma once

/// \file
/// What a FiberLoop keeps of what is waited for: for the sources of the loop alone.

#include <socketserver/fiber/fiber_loop.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <utility>

namespace socketserver {

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

}  // namespace socketserver
