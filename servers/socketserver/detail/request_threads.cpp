#include <socketserver/detail/request_threads.hpp>

#include <socketserver/serving/request_handler.hpp>

#include <boost/thread/thread.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace socketserver::detail {

RequestThreads::RequestThreads() = default;

RequestThreads::~RequestThreads() {
    join(Deadline::never());
}

void RequestThreads::start(std::function<void()> work, std::size_t stack_size) {
    boost::thread::attributes attributes;
    attributes.set_stack_size(stack_size);
    // Under the lock, so that the thread does not look for itself before it is there.
    const std::lock_guard lock(mutex_);
    const auto self = running_.emplace(running_.end());
    try {
        *self =
            boost::thread(attributes, [this, self, work = std::move(work)]() mutable { run(self, std::move(work)); });
    } catch (...) {
        running_.erase(self);
        throw;
    }
}

void RequestThreads::run(Threads::iterator self, std::function<void()>&& work) {
    struct Finish {
        RequestThreads& threads;
        Threads::iterator self;
        ~Finish() {
            // Notified under the lock: when join() sees the list, this thread touches the object no more.
            const std::lock_guard lock(threads.mutex_);
            threads.finished_.splice(threads.finished_.end(), threads.running_, self);
            threads.ended_.notify();
            threads.one_finished_.notify_all();
        }
    } const finish{*this, self};
    // What the work holds is given back before the thread counts as finished, not when it is joined.
    const std::function<void()> own = std::move(work);
    try {
        own();
    } catch (const SystemExit&) {  // NOLINT(bugprone-empty-catch): ends this thread, and no more
    }
}

std::size_t RequestThreads::tracked() const {
    const std::lock_guard lock(mutex_);
    return running_.size() + finished_.size();
}

std::size_t RequestThreads::running() const {
    const std::lock_guard lock(mutex_);
    return running_.size();
}

void RequestThreads::release_finished() {
    Threads finished;
    {
        const std::lock_guard lock(mutex_);
        if (finished_.empty())
            return;
        finished.swap(finished_);
        ended_.clear();
    }
    for (boost::thread& thread : finished)
        thread.join();
}

bool RequestThreads::join(Deadline deadline) {
    std::unique_lock lock(mutex_);
    const auto one_is_to_join = [this] { return running_.empty() || !finished_.empty(); };
    for (;;) {
        if (deadline.is_never())
            one_finished_.wait(lock, one_is_to_join);
        else if (!one_finished_.wait_until(lock, deadline.when(), one_is_to_join))
            return false;
        const bool none_runs = running_.empty();
        lock.unlock();
        release_finished();
        if (none_runs)
            return true;
        lock.lock();
    }
}

}  // namespace socketserver::detail
