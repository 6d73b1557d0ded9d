#pragma once

/// \file
/// A mutex for handlers: it works the same in threads and in fibers.

#include <atomic>
#include <cassert>
#include <mutex>

namespace socketserver {

/// Lets one context (thread or fiber) at a time go on. For what the requests of a server share: under Threading it makes
/// threads wait, under Selecting it parks fibers, and it may be held across any wait of the library, where a std::mutex
/// would stop the loop. Threads, and fibers of several loops, may use the same one.
///
/// Those that wait get it in the order in which they came. Neither stop nor cut end a lock(): whoever holds it has to see
/// that it is unlocked again. Within one process only: what forked children share has a process_mutex.
///
/// Meets Lockable: use std::lock_guard, std::unique_lock and std::scoped_lock. Not recursive.
///
/// Invariants:
/// 1. It is free, held, or held while others wait; it is never free while others wait, since unlock() hands it over.
/// 2. Who waits stands in the queue, in the order of coming.
///
/// Owns: nothing. Thread: any, but not outside all fibers in the thread of a loop whose fibers use it. Life: destroyed
/// when nobody holds it or waits for it.
class mutex {
public:
    /// Nobody holds it.
    mutex() noexcept = default;
    mutex(const mutex&) = delete;
    mutex& operator=(const mutex&) = delete;
    // Not trivial, so that SharedMemory does not take it.
    ~mutex() { assert(first_ == nullptr); }

    /// Waits until nobody else holds it, and holds it. Where it has to wait, pending output of the context is sent first.
    /// A cut does not end the wait: destructors lock, too, and must not throw. Cutting whoever holds it does.
    /// Requires: the calling context does not hold it.
    void lock() {
        if (!try_lock())
            lock_slowly();
    }

    /// Holds it if nobody does.
    /// \return whether the caller holds it now
    [[nodiscard]] bool try_lock() noexcept {
        State expected = State::free;
        return state_.compare_exchange_strong(expected, State::held, std::memory_order_acquire,
                                              std::memory_order_relaxed);
    }

    /// Gives it up, to the one that has waited longest if anybody waits. Does not wait itself.
    /// Requires: the calling context holds it.
    void unlock() noexcept {
        State expected = State::held;
        if (!state_.compare_exchange_strong(expected, State::free, std::memory_order_release,
                                            std::memory_order_relaxed))
            hand_over();
    }

private:
    struct Waiting;
    enum class State { free, held, awaited };

    void lock_slowly();
    void hand_over() noexcept;

    std::atomic<State> state_{State::free};  // becomes and ceases to be awaited under guard_ only
    std::mutex guard_;                       // never held across a wait
    Waiting* first_ = nullptr;               // guarded by guard_
    Waiting* last_ = nullptr;                // guarded by guard_; has meaning while there is a first
};

}  // namespace socketserver
