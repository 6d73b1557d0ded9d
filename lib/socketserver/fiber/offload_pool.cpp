#include <socketserver/fiber/offload_pool.hpp>

#include <boost/thread/exceptions.hpp>
#include <boost/thread/thread.hpp>

#include <utility>

namespace socketserver {

OffloadPool::OffloadPool() = default;

OffloadPool::~OffloadPool() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    work_or_end_.notify_all();
    for (boost::thread& thread : threads_)
        thread.join();
}

void OffloadPool::post(std::function<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        if (idle_ <= posted_.size() && threads_.size() < max_threads) {
            try {
                threads_.emplace_back([this] { serve(); });
            } catch (const boost::thread_resource_error&) {
                if (threads_.empty())
                    throw;
            }
        }
        posted_.push_back(std::move(work));
    }
    work_or_end_.notify_one();
}

void OffloadPool::serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_;
        work_or_end_.wait(lock, [this] { return ending_ || !posted_.empty(); });
        --idle_;
        if (posted_.empty())
            return;
        const auto work = std::move(posted_.front());
        posted_.pop_front();
        lock.unlock();
        work();
        lock.lock();
    }
}

}  // namespace socketserver
