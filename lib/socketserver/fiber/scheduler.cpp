#include <socketserver/fiber/scheduler.hpp>

#include <cassert>
#include <utility>

namespace socketserver {

Fiber::Fiber(Scheduler& scheduler, Stack stack, std::function<void()> work, std::string name)
    : scheduler_(scheduler),
      stack_(stack),
      name_(std::move(name)),
      work_(std::move(work)),
      context_(stack, &Fiber::run, this) {}

void Fiber::run(void* self) {
    Fiber& fiber = *static_cast<Fiber*>(self);
    fiber.work_();
    fiber.work_ = nullptr;
    Scheduler& scheduler = fiber.scheduler_;
    scheduler.current_ = nullptr;
    fiber.context_.finish(scheduler.own_);
}

Scheduler::~Scheduler() {
    assert(size_ == 0);
}

Fiber& Scheduler::spawn(std::function<void()> work, std::string name) {
    const Stack stack = stacks_.take();
    Fiber* fiber = nullptr;
    try {
        fiber = new Fiber(*this, stack, std::move(work), std::move(name));
    } catch (...) {
        stacks_.give_back(stack);
        throw;
    }
    fiber->next_all_ = all_;
    if (all_ != nullptr)
        all_->previous_all_ = fiber;
    all_ = fiber;
    ++size_;
    enqueue(*fiber);
    return *fiber;
}

void Scheduler::run_ready() {
    for (std::size_t turns = ready_; turns > 0; --turns) {
        Fiber* const fiber = first_;
        first_ = fiber->next_;
        if (first_ == nullptr)
            last_ = nullptr;
        --ready_;
        fiber->state_ = Fiber::State::running;
        current_ = fiber;
        Waiter* const own_waiter = Waiter::exchange_current(fiber->waiter_);
        own_.switch_to(fiber->context_);
        fiber->waiter_ = Waiter::exchange_current(own_waiter);
        if (current_ != nullptr) {
            current_ = nullptr;
            continue;
        }
        // It has ended.
        (fiber->previous_all_ != nullptr ? fiber->previous_all_->next_all_ : all_) = fiber->next_all_;
        if (fiber->next_all_ != nullptr)
            fiber->next_all_->previous_all_ = fiber->previous_all_;
        --size_;
        const Stack stack = fiber->stack_;
        delete fiber;
        stacks_.give_back(stack);
    }
}

}  // namespace socketserver
