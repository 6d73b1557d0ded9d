#pragma once

/// \file
/// Threads that each serve one request and then leave.

#include <socketserver/os/deadline.hpp>
#include <socketserver/os/wakeup.hpp>

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <mutex>

namespace boost {
class thread;  // its header takes long to compile
}

namespace socketserver::detail {

/// A set of threads, each joined as soon as it has ended and somebody asks.
///
/// Owns: the threads. Life: join() has returned true before it is destroyed. Thread: any.
///
/// Invariants:
/// 1. A thread stands in running_ from before it begins until its last act, which moves it to finished_.
/// 2. Only finished threads are joined, so joining never waits for a request.
class RequestThreads {
public:
    RequestThreads();
    RequestThreads(const RequestThreads&) = delete;
    RequestThreads& operator=(const RequestThreads&) = delete;
    ~RequestThreads();

    /// Starts a thread.
    /// \param work what it does; SystemExit ends the thread
    /// \param stack_size in bytes
    /// \throw boost::thread_resource_error if there is no thread to be had; nothing has happened then
    void start(std::function<void()> work, std::size_t stack_size);

    /// How many threads have been started and not been joined.
    [[nodiscard]] std::size_t tracked() const;

    /// How many threads have been started and not come to their end.
    [[nodiscard]] std::size_t running() const;

    /// Becomes readable when a thread ends, until release_finished() is called.
    [[nodiscard]] int fd() const noexcept { return ended_.fd(); }

    /// Takes another descriptor, in a process that has just been forked while there was no thread.
    /// \throw boost::system::system_error if there is none to be had
    void renew_in_worker() { ended_.renew(); }

    /// Joins the threads that have come to their end.
    void release_finished();

    /// Waits until all have come to their end, and joins them.
    /// \param deadline when to give up
    /// \return whether none is left
    bool join(Deadline deadline);

private:
    using Threads = std::list<boost::thread>;
    void run(Threads::iterator self, std::function<void()>&& work);

    Wakeup ended_;
    mutable std::mutex mutex_;
    std::condition_variable one_finished_;
    Threads running_;   // guarded by mutex_
    Threads finished_;  // guarded by mutex_
};

}  // namespace socketserver::detail
