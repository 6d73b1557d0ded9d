#pragma once

/// \file
/// Threads for calls that cannot be made cooperative.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <mutex>

namespace boost {
class thread;  // its header takes long to compile
}

namespace socketserver {

/// A few threads that run what they are given, in order. Started when first needed.
///
/// Owns: the threads; they end when it is destroyed, after what has been posted. Thread: any.
class OffloadPool {
public:
    OffloadPool();
    OffloadPool(const OffloadPool&) = delete;
    OffloadPool& operator=(const OffloadPool&) = delete;
    ~OffloadPool();

    /// Has a thread run something.
    /// \param work what; must not throw
    /// \throw boost::thread_resource_error if there is no thread at all to run it
    void post(std::function<void()> work);

private:
    static constexpr std::size_t max_threads = 8;
    void serve();

    std::mutex mutex_;
    std::condition_variable work_or_end_;
    std::deque<std::function<void()>> posted_;  // guarded by mutex_
    std::size_t idle_ = 0;                      // guarded by mutex_
    std::list<boost::thread> threads_;          // guarded by mutex_
    bool ending_ = false;                       // guarded by mutex_
};

}  // namespace socketserver
