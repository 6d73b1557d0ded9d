#pragma once

/// \file
/// A condition variable for handlers: it works the same in threads and in fibers.

#include <socketserver/fiber/mutex.hpp>
#include <socketserver/net/waiter.hpp>
#include <socketserver/os/deadline.hpp>

#include <cassert>
#include <mutex>

namespace socketserver {

/// Lets contexts (threads or fibers, also of several loops) wait for a change to what a socketserver::mutex guards.
///
/// Differs from std::condition_variable in that a wait tells how it ended: it is cut with the request it belongs to, and the
/// handler should return then. There are no spurious wakeups, but what was notified may have been undone by the time that the mutex
/// is held again; so look, or use the forms with a predicate.
///
/// Owns: nothing. Thread: any, as for mutex. Life: destroyed when every wait has returned, not only been notified.
class condition_variable {
public:
    /// Nobody waits.
    condition_variable() noexcept = default;
    condition_variable(const condition_variable&) = delete;
    condition_variable& operator=(const condition_variable&) = delete;
    // Not trivial, so that SharedMemory does not take it.
    ~condition_variable() { assert(first_ == nullptr); }

    /// Unlocks, waits until notified, and locks again.
    /// \param lock holds the mutex, before and afterwards, whatever happens
    /// \return ready, or cut
    /// \throw boost::system::system_error if waiting itself fails: a thread whose wait can be cut needs a descriptor for it
    WaitResult wait(std::unique_lock<mutex>& lock) { return wait_until(lock, Deadline::never()); }

    /// Waits until a condition holds.
    /// \param lock holds the mutex, before and afterwards, and whenever the predicate is called
    /// \param predicate the condition
    /// \return ready: it holds; or cut
    /// \throw boost::system::system_error as wait(std::unique_lock<mutex>&)
    template <class Predicate>
    WaitResult wait(std::unique_lock<mutex>& lock, Predicate predicate) {
        return wait_until(lock, Deadline::never(), predicate);
    }

    /// Unlocks, waits until notified or until a deadline, and locks again.
    /// \param lock holds the mutex, before and afterwards, whatever happens
    /// \param deadline when to give up; locking again may take longer
    /// \return ready, timed_out or cut
    /// \throw boost::system::system_error as wait(std::unique_lock<mutex>&)
    WaitResult wait_until(std::unique_lock<mutex>& lock, Deadline deadline);

    /// Waits until a condition holds, or until a deadline.
    /// \param lock holds the mutex, before and afterwards, and whenever the predicate is called
    /// \param deadline when to give up
    /// \param predicate the condition
    /// \return ready: it holds; timed_out or cut: it does not
    /// \throw boost::system::system_error as wait(std::unique_lock<mutex>&)
    template <class Predicate>
    WaitResult wait_until(std::unique_lock<mutex>& lock, Deadline deadline, Predicate predicate) {
        while (!predicate()) {
            const WaitResult result = wait_until(lock, deadline);
            if (result != WaitResult::ready)
                return predicate() ? WaitResult::ready : result;
        }
        return WaitResult::ready;
    }

    /// Lets the one that has waited longest go on, if anybody waits. The mutex need not be held.
    void notify_one() noexcept;

    /// Lets all that wait go on. The mutex need not be held.
    void notify_all() noexcept;

private:
    struct Waiting;
    void notify_first_locked() noexcept;

    std::mutex guard_;          // never held across a wait
    Waiting* first_ = nullptr;  // guarded by guard_
    Waiting* last_ = nullptr;   // guarded by guard_
};

}  // namespace socketserver
