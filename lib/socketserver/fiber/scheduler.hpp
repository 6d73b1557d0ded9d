#pragma once

/// \file
/// Fibers and whose turn it is.

#include <socketserver/fiber/context.hpp>
#include <socketserver/fiber/fiber_name.hpp>
#include <socketserver/fiber/stack_pool.hpp>
#include <socketserver/net/waiter.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace socketserver {

class Scheduler;

/// A line of execution with a stack of its own, which gives way only where it asks to wait.
///
/// It lies at the top of its own stack, and below it what it runs, so that neither needs memory of its own:
///
///     stack   | guard | ... frames ... | what it runs | Fiber |
///                     ^ bottom                                ^ top
///
/// Owns: what it runs, and its stack while it lives. Owned by its scheduler, and gone when what it runs has returned. Thread: its
/// scheduler's; it never changes it.
class Fiber {
public:
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    /// How long a name may be; of a longer one the beginning is kept.
    static constexpr std::size_t longest_name = FiberName::longest;

    /// What messages call it; may be empty.
    [[nodiscard]] std::string_view name() const noexcept { return name_.view(); }

    /// The stack it runs on.
    [[nodiscard]] const Stack& stack() const noexcept { return stack_; }

private:
    friend class Scheduler;
    enum class State { ready, running, parked };

    /// Calls what a fiber is to run, and destroys it.
    using Call = void (*)(void* work);

    Fiber(Scheduler& scheduler, Stack stack, Stack frames, Call call, void* work, std::string_view name) noexcept;
    ~Fiber() = default;
    static void run(void* self);

    Scheduler& scheduler_;
    const Stack stack_;
    FiberName name_;
    const Call call_;
    void* const work_;
    Context context_;
    Waiter* waiter_ = nullptr;  // what is installed while it runs; kept while it does not
    State state_ = State::ready;
    Fiber* next_ = nullptr;  // in the queue of those that are ready
    Fiber* previous_all_ = nullptr;
    Fiber* next_all_ = nullptr;
};

/// Runs fibers in turn, in the order in which they become ready. Knows fibers, and nothing of descriptors or time.
///
/// Invariants:
/// 1. At most one fiber runs; while none does, the thread's own context runs.
/// 2. A fiber that is ready stands in the queue exactly once; one that is parked does not stand there.
/// 3. The number of a turn is stored before whose it is, and current_ is null when a fiber is destroyed: who sees the same number
///    before and after, under ending_mutex_, has seen the fiber whose turn that is, alive.
///
/// Owns: its fibers. Thread: the one that made it, but for turn() and name_of_turn(). Life: destroyed when all its fibers have ended.
class Scheduler {
public:
    /// \param stacks where stacks come from; must outlive this object
    explicit Scheduler(StackPool& stacks) noexcept : stacks_(stacks) {}
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;
    /// Requires: no fiber is left.
    ~Scheduler();

    /// Makes a fiber; it runs when its turn comes.
    /// \param work what it runs, a function object; must not throw
    /// \param name what messages are to call it
    /// \throw boost::system::system_error if there is no stack to be had; what moving \p work throws
    template <class Work>
    Fiber& spawn(Work work, std::string_view name = {}) {
        static_assert(sizeof(Work) <= largest_work, "it would be most of a page of the stack");
        const Stack stack = stacks_.take();
        std::byte* const fiber = below(stack.top(), sizeof(Fiber));
        std::byte* const place = below(fiber, sizeof(Work));
        try {
            new (place) Work(std::move(work));
        } catch (...) {
            stacks_.give_back(stack);
            throw;
        }
        const auto call = [](void* own) {
            Work& itself = *static_cast<Work*>(own);
            itself();
            itself.~Work();
        };
        const Stack frames{stack.bottom, static_cast<std::size_t>(place - stack.bottom)};
        return start(*new (fiber) Fiber(*this, stack, frames, call, place, name));
    }

    /// Gives each fiber that is ready now its turn; those that become ready meanwhile wait for the next call.
    /// Thread: the scheduler's own, outside all fibers.
    void run_ready();

    /// Whether a fiber is ready.
    [[nodiscard]] bool has_ready() const noexcept { return first_ != nullptr; }

    /// How many fibers have not ended.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// The fiber that runs; null outside all fibers.
    [[nodiscard]] Fiber* current() const noexcept { return current_.load(std::memory_order_relaxed); }

    /// Changes what messages call the fiber that runs.
    /// \param name may be empty
    /// Requires: called by a fiber.
    void rename_current(std::string_view name) noexcept { current()->name_.set(name); }

    /// The number of the turn that is going on, 0 outside all fibers; no two turns have the same. Thread: any.
    [[nodiscard]] std::uint64_t turn() const noexcept;

    /// The name of the fiber that has a turn. Thread: any.
    /// \param turn its number
    /// \return nothing if it is over, or the fiber is just being renamed
    /// \throw std::bad_alloc
    [[nodiscard]] std::optional<std::string> name_of_turn(std::uint64_t turn) const;

    /// Gives way until somebody calls make_ready().
    /// Requires: called by a fiber.
    void park() noexcept {
        current()->state_ = Fiber::State::parked;
        give_way();
    }

    /// Gives way to every fiber that is ready.
    /// Requires: called by a fiber.
    void yield() noexcept {
        enqueue(*current());
        give_way();
    }

    /// Lets a parked fiber go on when its turn comes.
    /// \param fiber a parked fiber; does nothing if it is ready already
    void make_ready(Fiber& fiber) noexcept {
        if (fiber.state_ == Fiber::State::parked)
            enqueue(fiber);
    }

private:
    friend class Fiber;
    static constexpr std::size_t largest_work = 1024;

    /// The place for something so large below an address, aligned for anything.
    static std::byte* below(std::byte* top, std::size_t size) noexcept {
        constexpr std::size_t alignment = 64;
        return top - (size + alignment - 1) / alignment * alignment;
    }
    Fiber& start(Fiber& fiber) noexcept;
    void end(Fiber& fiber) noexcept;
    void prefetch_next() const noexcept;
    void enqueue(Fiber& fiber) noexcept {
        fiber.state_ = Fiber::State::ready;
        fiber.next_ = nullptr;
        (last_ != nullptr ? last_->next_ : first_) = &fiber;
        last_ = &fiber;
        ++ready_;
    }
    void give_way() noexcept { current()->context_.switch_to(own_); }
    // Plain stores on usual processors, for nobody else writes.
    void begin_turn(Fiber& fiber) noexcept {
        turn_.store(turn_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        current_.store(&fiber, std::memory_order_release);
    }
    void end_turn() noexcept { current_.store(nullptr, std::memory_order_release); }

    StackPool& stacks_;
    Context own_;
    std::atomic<Fiber*> current_{nullptr};  // null outside all fibers
    std::atomic<std::uint64_t> turn_{0};    // the newest one
    Fiber* first_ = nullptr;                // the queue of those that are ready
    Fiber* last_ = nullptr;
    Fiber* all_ = nullptr;  // every fiber, newest first; for debuggers
    std::size_t size_ = 0;
    std::size_t ready_ = 0;
    mutable std::mutex ending_mutex_;  // held while a fiber ends, or is looked at by another thread
};

}  // namespace socketserver
