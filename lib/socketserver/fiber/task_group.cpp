#include <socketserver/fiber/task_group.hpp>

#include <socketserver/os/error.hpp>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

namespace socketserver {

TaskGroup::~TaskGroup() {
    cut();
    join();
}

void TaskGroup::run(std::function<void()> task) {
    remove_ended();
    Task* started = nullptr;
    {
        const std::lock_guard lock(mutex_);
        if (tasks_.size() >= most)
            throw_errno(EAGAIN, "a further task of a group");
        started = &tasks_.emplace_back();
    }
    try {
        auto context =
            owner_.start_beside([this, started, function = std::move(task)]() mutable { run(*started, function); });
        const std::lock_guard lock(mutex_);
        if (cut_)
            context->cut();
        started->context = std::move(context);
    } catch (...) {
        const std::lock_guard lock(mutex_);
        tasks_.pop_back();
        throw;
    }
}

/// Runs in the task's own context.
void TaskGroup::run(Task& task, std::function<void()>& function) noexcept {
    std::exception_ptr thrown;
    try {
        // What it holds goes while one can still wait.
        const auto own = std::exchange(function, nullptr);
        own();
    } catch (...) {
        thrown = std::current_exception();
    }
    Waiter::current().flush_pending();
    // The owner goes on only when the lock is free, and joins the context.
    const std::lock_guard lock(mutex_);
    task.has_ended = true;
    if (thrown && !first_thrown_) {
        first_thrown_ = std::move(thrown);
        cut_all();
    }
    owner_.unpark();
}

void TaskGroup::cut() noexcept {
    const std::lock_guard lock(mutex_);
    cut_all();
}

/// Under the lock.
void TaskGroup::cut_all() noexcept {
    cut_ = true;
    for (const Task& task : tasks_) {
        if (task.context && !task.has_ended)
            task.context->cut();
    }
}

bool TaskGroup::any_running() {
    const std::lock_guard lock(mutex_);
    return std::any_of(tasks_.begin(), tasks_.end(), [](const Task& task) { return !task.has_ended; });
}

/// Forgets tasks that have ended.
void TaskGroup::remove_ended() noexcept {
    std::list<Task> ended;  // destroyed without the lock, which a thread holds until it has told of its end
    const std::lock_guard lock(mutex_);
    for (auto task = tasks_.begin(); task != tasks_.end();) {
        const auto next = std::next(task);
        if (task->has_ended)
            ended.splice(ended.end(), tasks_, task);
        task = next;
    }
}

/// Returns when all tasks have ended.
void TaskGroup::join() noexcept {
    Cut cut = Cut::ends_wait;
    while (any_running()) {
        WaitResult result = WaitResult::cut;
        try {
            result = owner_.park(Deadline::never(), cut);
        } catch (...) {  // a thread for whose wait there is no descriptor
            const std::lock_guard lock(mutex_);
            if (!first_thrown_)
                first_thrown_ = std::current_exception();
        }
        if (result == WaitResult::cut) {
            this->cut();
            cut = Cut::is_ignored;
        }
    }
    remove_ended();
}

void TaskGroup::wait() {
    join();
    const std::lock_guard lock(mutex_);
    cut_ = false;
    if (first_thrown_)
        std::rethrow_exception(std::exchange(first_thrown_, nullptr));
}

}  // namespace socketserver
