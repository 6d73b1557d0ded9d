#pragma once

/// \file
/// An event loop whose handlers are fibers: it joins a selector, timers and a scheduler, which know nothing of each
/// other.

#include <socketserver/fiber/offload_pool.hpp>
#include <socketserver/fiber/overflow_report.hpp>
#include <socketserver/fiber/scheduler.hpp>
#include <socketserver/fiber/stack_pool.hpp>
#include <socketserver/loop/selector.hpp>
#include <socketserver/loop/timer_wheel.hpp>
#include <socketserver/net/waiter.hpp>
#include <socketserver/os/unique_fd.hpp>
#include <socketserver/os/wakeup.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace socketserver {

class FiberWaiter;

/// How a FiberLoop is made.
struct FiberLoopOptions {
    SelectorKind selector = SelectorKind::epoll;             ///< which system call waits
    std::size_t stack_size = StackPool::default_stack_size;  ///< of each fiber, in bytes
    GuardKind guard = GuardKind::automatic;                  ///< how stacks are guarded
};

/// Runs fibers in one thread, and waits for descriptors and time on their behalf.
///
/// Invariants:
/// 1. A token is an index into entries_ and that entry's generation; a generation is never used again, so an event that was
///    under way when its descriptor was closed finds nobody.
/// 2. A shared descriptor's watch is the loop's own, and nothing of the Waitable is changed: others look at it too.
/// 3. Events come before timers: one expires only after the selector has been looked at since it was due.
/// 4. A fiber that waits stands in exactly one list, that of a watch or, if it waits for no descriptor and can be cut, waits_; and in
///    the timer wheel if it has a deadline. Whoever wakes it takes it out of both.
///
/// Owns: its fibers, stacks, the selector, helper threads for run_blocking(). Thread: the one that made it; its fibers'
/// waiters may be unparked from any. Life: made after a fork, never before; destroyed when all its fibers have ended.
class FiberLoop {
public:
    /// \param options how
    /// \throw boost::system::system_error if there is no descriptor to be had
    explicit FiberLoop(const FiberLoopOptions& options = {});
    FiberLoop(const FiberLoop&) = delete;
    FiberLoop& operator=(const FiberLoop&) = delete;
    ~FiberLoop();

    /// Makes a fiber whose current waiter is a FiberWaiter.
    /// \param work what it runs, a function object; must not throw. What it holds goes while one can still wait.
    /// \param server the server whose request it serves, if any
    /// \param name what a message about it is to call it, e.g. the peer's address
    /// \throw boost::system::system_error if there is no stack to be had
    template <class Work>
    void spawn(Work work, const ServerContext* server = nullptr, std::string_view name = {});

    /// Makes sure that the next spawn() does not fail for want of a stack, unless another one comes before it.
    /// \throw boost::system::system_error if there is no stack to be had
    void reserve() { stacks_.reserve(); }

    /// Waits, unless a fiber is ready, until something has come or the deadline has; then gives each fiber that is ready its
    /// turn. So a caller that has something to wait for looks at it after each call.
    /// \param deadline when to stop waiting
    void run_once(Deadline deadline);

    /// Waits for input without a fiber: gives the function one when the wait is over. So something that is idle needs no stack.
    /// \param what the descriptor; stays where it is, and open, until the function is called
    /// \param deadline when to give up
    /// \param server the server whose request is served, if any
    /// \param then what the fiber runs, given how the wait ended; must not throw. If no fiber is to be had, the loop tries again
    ///   until one is.
    void when_readable(Waitable& what, Deadline deadline, const ServerContext* server,
                       std::function<void(WaitResult)> then);

    /// Whether a fiber has not ended, or a wait of when_readable() goes on.
    [[nodiscard]] bool busy() const noexcept { return scheduler_.size() + idle_ > 0; }

    /// Calls a function whenever a descriptor is readable, outside all fibers.
    /// \param fd the descriptor; outlives the loop
    /// \param callback what to call; makes the descriptor unreadable and returns true, or false to be called no more
    void on_readable(int fd, std::function<bool()> callback);

    /// Ends every wait of every fiber with WaitResult::cut, now and from now on.
    void cut() noexcept;

    /// Lets other fibers run. Called by a fiber.
    void yield() noexcept { scheduler_.yield(); }

    /// Changes what messages call the calling fiber.
    /// \param name e.g. the peer's address; may be empty
    void rename_current(std::string_view name) noexcept { scheduler_.rename_current(name); }

    /// Whose turn it is: Scheduler::turn() and Scheduler::name_of_turn(). Thread: any, for these.
    [[nodiscard]] const Scheduler& scheduler() const noexcept { return scheduler_; }

    /// Has the fiber that waits for this descriptor look again.
    /// \param what a descriptor that a fiber of this loop may be waiting for
    void nudge(Waitable& what) noexcept;

    /// Watches shared descriptors no more, so that other loops are told of all that comes for them. No fiber waits for one.
    void leave_shared() noexcept;

private:
    friend class FiberWaiter;
    class SideFiber;
    class Watch;
    struct Wait;
    struct FiberWait;
    struct Posted;
    struct IdleWait;

    struct Entry {
        Watch* watch = nullptr;
        std::uint32_t generation = 0;
    };

    WaitResult wait(FiberWaiter& waiter, Waitable& what, Interest interest, Deadline deadline);
    WaitResult wait_for_room(FiberWaiter& waiter, const Waitable& what, Deadline deadline);
    WaitResult sleep(FiberWaiter& waiter, Deadline deadline);
    WaitResult park(FiberWait& wait, Deadline deadline);
    WaitResult park_alone(FiberWaiter& waiter, FiberWait& wait, Deadline deadline);
    void cut(FiberWaiter& waiter) noexcept;
    [[nodiscard]] bool peer_has_left(FiberWaiter& waiter);
    void look_for_hang_ups() noexcept;
    void begin(Wait& wait, Deadline deadline) noexcept;
    void run_blocking(const std::function<void()>& work);
    Watch& watch(Waitable& what);
    Watch& make_watch(Waitable& what);
    [[nodiscard]] Watch* find_watch(const Waitable& what) const noexcept;
    void wake(Wait& wait, WaitResult result) noexcept;
    std::size_t deliver_events(Deadline deadline);
    void advance_timers();
    void deliver(const Selector::Event& event) noexcept;
    void post(Posted& what) noexcept;
    void withdraw(Posted& what) noexcept;
    void resume_posted() noexcept;
    [[nodiscard]] Selector::Token enter(Watch& watch);
    void leave(Selector::Token token) noexcept;

    const std::thread::id thread_ = std::this_thread::get_id();
    StackPool stacks_;
    Scheduler scheduler_;
    const OverflowReport overflow_report_;
    std::unique_ptr<Selector> selector_;
    TimerWheel timers_;
    std::vector<Entry> entries_;
    std::vector<std::uint32_t> free_entries_;
    std::array<Selector::Event, 256> events_;  // that have just come
    Wait* waits_ = nullptr;                    // those that wait for no descriptor and can be cut
    std::size_t idle_ = 0;
    bool cut_ = false;

    Wakeup posted_;
    UniqueFd hang_ups_;  // tells of connections that have hung up (epoll(7)); made when first needed
    std::vector<std::unique_ptr<Watch>> own_watches_;
    std::vector<std::unique_ptr<Watch>> shared_watches_;  // of shared descriptors that have been waited for
    std::mutex mutex_;
    Posted* first_posted_ = nullptr;  // guarded by mutex_
    Posted* last_posted_ = nullptr;   // guarded by mutex_; has meaning while there is a first
    OffloadPool helpers_;             // last: its threads end before what they post to goes
};

/// What other threads hand to the loop: a fiber that is to go on, or a waiter that is to be unparked. An entry of a list, which
/// owns nothing.
struct FiberLoop::Posted {
    /// \param the_fiber is to go on
    explicit Posted(Fiber& the_fiber) noexcept : fiber(&the_fiber) {}
    /// \param the_waiter is to be unparked
    explicit Posted(FiberWaiter& the_waiter) noexcept : waiter(&the_waiter) {}

    Fiber* const fiber = nullptr;         ///< is to go on; or null
    FiberWaiter* const waiter = nullptr;  ///< is to be unparked; or null
    Posted* next = nullptr;               ///< guarded by the loop's mutex_
    std::atomic<bool> queued{false};      ///< stands in the list; changed under the loop's mutex_
};

/// Waits by parking the calling fiber, while its loop runs others.
///
/// Borrows the loop. Thread: the loop's, in one fiber.
class FiberWaiter final : public Waiter {
public:
    /// \param loop the loop of the fiber
    /// \param server the server whose request the fiber serves, if any
    explicit FiberWaiter(FiberLoop& loop, const ServerContext* server = nullptr) noexcept
        : Waiter(server), loop_(loop) {}
    ~FiberWaiter() override;

    /// Never: the kernel would hold up every fiber of the loop.
    [[nodiscard]] bool may_block_in_kernel(const Waitable&) const noexcept override { return false; }

    [[nodiscard]] bool remembers_readiness() const noexcept override { return true; }

    /// Runs it in a helper thread, while the fiber is parked; a cut does not end that. If there is no helper thread to be
    /// had it is run here, and holds up the loop.
    void run_blocking(const std::function<void()>& work) override { loop_.run_blocking(work); }

    /// Without a system call in the loop's own thread.
    void unpark() noexcept override;

    std::unique_ptr<SideContext> start_beside(std::function<void()> work) override;

private:
    WaitResult do_wait(Waitable& what, Interest interest, Deadline deadline) override {
        return loop_.wait(*this, what, interest, deadline);
    }
    WaitResult do_sleep(Deadline deadline) override { return loop_.sleep(*this, deadline); }
    void connection_changed() noexcept override;
    WaitResult do_park(Deadline deadline, Cut cut) override;
    friend class FiberLoop;
    void unpark_in_loop() noexcept;

    FiberLoop& loop_;
    FiberLoop::Posted posted_{*this};
    FiberLoop::Wait* parked_ = nullptr;  // where it is parked
    FiberLoop::Wait* alone_ = nullptr;   // where it waits, if that wait may be cut without the others of the loop
    int looked_after_ = -1;              // that connection, once the loop looks whether its peer leaves
    bool peer_has_left_ = false;
    bool permit_ = false;  // unpark() has been called while it was not
    bool beside_ = false;  // another context has started this one, and may cut it
    bool cut_ = false;     // it has
};

template <class Work>
void FiberLoop::spawn(Work work, const ServerContext* server, std::string_view name) {
    scheduler_.spawn(
        [this, server, own = std::optional<Work>(std::move(work))]() mutable {
            FiberWaiter waiter(*this, server);
            const ScopedWaiter installed(waiter);
            (*own)();
            own.reset();
        },
        name);
}

}  // namespace socketserver
