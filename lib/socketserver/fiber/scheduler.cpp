#include <socketserver/fiber/scheduler.hpp>

#include <socketserver/fiber/detail/prefetch.hpp>

#include <cassert>
#include <utility>

namespace socketserver {

/// \param stack where it lies
/// \param frames the part of it that is left
/// \param call calls what it runs
/// \param work what it runs
Fiber::Fiber(Scheduler& scheduler, Stack stack, Stack frames, Call call, void* work, std::string_view name) noexcept
    : scheduler_(scheduler), stack_(stack), call_(call), work_(work), context_(frames, &Fiber::run, this) {
    name_.set(name);
}

void Fiber::run(void* self) {
    Fiber& fiber = *static_cast<Fiber*>(self);
    fiber.call_(fiber.work_);
    Scheduler& scheduler = fiber.scheduler_;
    scheduler.end_turn();
    fiber.context_.finish(scheduler.own_);
}

Scheduler::~Scheduler() {
    assert(size_ == 0);
}

/// Enters a fiber that has just been made.
Fiber& Scheduler::start(Fiber& fiber) noexcept {
    fiber.next_all_ = all_;
    if (all_ != nullptr)
        all_->previous_all_ = &fiber;
    all_ = &fiber;
    ++size_;
    enqueue(fiber);
    return fiber;
}

/// Does away with a fiber whose work has returned.
void Scheduler::end(Fiber& fiber) noexcept {
    (fiber.previous_all_ != nullptr ? fiber.previous_all_->next_all_ : all_) = fiber.next_all_;
    if (fiber.next_all_ != nullptr)
        fiber.next_all_->previous_all_ = fiber.previous_all_;
    --size_;
    const Stack stack = fiber.stack_;
    {
        const std::lock_guard lock(ending_mutex_);
        fiber.~Fiber();
    }
    stacks_.give_back(stack);
}

/// Has the processor fetch what the next fibers begin with while this one runs: among a thousand, they are in no cache any more.
__attribute__((always_inline)) inline void Scheduler::prefetch_next() const noexcept {
    // What a request usually needs, in bytes.
    constexpr std::size_t frames_to_come = 384;
    constexpr std::size_t frames_there = 1536;
    if (first_ == nullptr)
        return;
    detail::prefetch(first_->context_.place() - frames_to_come, frames_to_come + frames_there);
    if (first_->next_ != nullptr)
        detail::prefetch(first_->next_, sizeof(Fiber));
}

void Scheduler::run_ready() {
    for (std::size_t turns = ready_; turns > 0; --turns) {
        Fiber* const fiber = first_;
        first_ = fiber->next_;
        if (first_ == nullptr)
            last_ = nullptr;
        --ready_;
        prefetch_next();
        fiber->state_ = Fiber::State::running;
        begin_turn(*fiber);
        Waiter* const own_waiter = Waiter::exchange_current(fiber->waiter_);
        own_.switch_to(fiber->context_);
        fiber->waiter_ = Waiter::exchange_current(own_waiter);
        if (current() == nullptr)
            end(*fiber);
        else
            end_turn();
    }
}

std::uint64_t Scheduler::turn() const noexcept {
    const std::uint64_t last = turn_.load(std::memory_order_acquire);
    return current_.load(std::memory_order_acquire) != nullptr ? last : 0;
}

std::optional<std::string> Scheduler::name_of_turn(std::uint64_t turn) const {
    const std::lock_guard lock(ending_mutex_);
    const Fiber* const fiber = current_.load(std::memory_order_acquire);
    if (fiber == nullptr)
        return std::nullopt;
    auto name = fiber->name_.copy();
    return turn_.load(std::memory_order_acquire) == turn ? name : std::nullopt;
}

}  // namespace socketserver
