#include <socketserver/fiber/offload_pool.hpp>

#include <boost/thread/exceptions.hpp>

#include <utility>

namespace socketserver {

OffloadPool::~OffloadPool() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    work_or_end_.notify_all();
    threads_.join_all();
}

void OffloadPool::post(std::function<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        if (idle_ <= posted_.size() && started_ < max_threads) {
            try {
                threads_.create_thread([this] { serve(); });
                ++started_;
            } catch (const boost::thread_resource_error&) {
                if (started_ == 0)
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
