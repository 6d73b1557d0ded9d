#pragma once

/// \file
/// A mutex for what processes share.

#include <pthread.h>

#include <type_traits>

namespace socketserver {

/// Lets one thread at a time go on, of whatever process: for what the handlers of Forking and Preforking servers share by
/// SharedMemory. Within one process take ss::mutex.
///
///     struct Totals { ss::process_mutex mutex; long lines = 0; long bytes = 0; };
///     const ss::SharedMemory<Totals> totals;
///     ...
///     const std::lock_guard lock(totals->mutex);
///
/// It blocks the thread that waits for it (pthread_mutex_lock(3)), so under Selecting all fibers of that thread: hold it for a few
/// instructions, and never across anything that waits. Neither stop nor cut end a lock().
///
/// A process that dies while it holds it does not keep the others from it (PTHREAD_MUTEX_ROBUST): the next one gets it, and
/// abandoned() tells that what it guards may be half changed.
///
/// Meets Lockable: use std::lock_guard, std::unique_lock and std::scoped_lock. Not recursive. Owns: nothing that needs a
/// destructor. Thread: any, any process that shares the memory it lies in. Life: that of the memory, not copied or moved.
class process_mutex {
public:
    /// Nobody holds it.
    /// \throw boost::system::system_error if the system has no such mutexes
    process_mutex();
    process_mutex(const process_mutex&) = delete;
    process_mutex& operator=(const process_mutex&) = delete;
    ~process_mutex() = default;

    /// Waits until nobody else holds it, and holds it.
    /// \throw boost::system::system_error with EDEADLK if the calling thread holds it already, be it by another fiber
    void lock();

    /// Holds it if nobody does.
    /// \return whether the caller holds it now
    [[nodiscard]] bool try_lock();

    /// Gives it up.
    /// Requires: the calling thread holds it.
    void unlock() noexcept;

    /// Whether somebody died while holding it, since repaired() was last called.
    /// Requires: the caller holds it.
    [[nodiscard]] bool abandoned() const noexcept { return abandoned_; }

    /// Tells that what it guards is in order again.
    /// Requires: the caller holds it.
    void repaired() noexcept { abandoned_ = false; }

private:
    bool take(int result);

    pthread_mutex_t mutex_{};
    bool abandoned_ = false;  // guarded by mutex_
};

static_assert(std::is_trivially_destructible_v<process_mutex>);

}  // namespace socketserver
