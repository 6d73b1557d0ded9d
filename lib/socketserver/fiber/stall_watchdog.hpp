#pragma once

/// \file
/// Telling which fiber holds up its loop.

#include <socketserver/fiber/fiber_loop.hpp>
#include <socketserver/os/thread_trace.hpp>

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace socketserver {

/// Looks, from a thread of its own, whether loops get on, and tells of each turn of a fiber that takes longer than a limit: once for
/// each, while it still goes on. The loops look at no clock: each counts the turns of its fibers, and a number that stays the same is
/// a stall.
///
/// A thread that is not given a processor stalls, too, which is no fault of its fiber: it is told of one that waits in the kernel, or
/// has computed for at least half the limit.
///
/// Owns: its thread, and a ThreadTrace. Borrows the loops. Thread: any. Life: made after a fork, never before; outlives what it
/// watches.
class StallWatchdog {
public:
    /// A turn that takes too long.
    struct Stall {
        std::string fiber;        ///< its name, see FiberLoop::spawn() and FiberLoop::rename_current()
        ThreadActivity activity;  ///< of its thread; nothing if the turn has ended by the time that was known
    };

    /// What is told. Called in the watchdog's thread, for one stall after the other; must not throw.
    using Tell = std::function<void(const Stall& stall)>;

    /// \param limit how long a fiber may run without giving way; it is told of when that is over, at most a quarter later
    /// \param tell whom to tell
    /// \throw std::system_error if there is no thread to be had
    StallWatchdog(std::chrono::nanoseconds limit, Tell tell);
    StallWatchdog(const StallWatchdog&) = delete;
    StallWatchdog& operator=(const StallWatchdog&) = delete;
    ~StallWatchdog();

    /// Has a loop watched, for as long as it lives.
    ///
    /// Thread: the loop's, and outside its fibers.
    class Watched {
    public:
        /// \param watchdog who watches; null: nobody
        /// \param loop what is watched; must outlive this object
        Watched(StallWatchdog* watchdog, const FiberLoop& loop);
        Watched(const Watched&) = delete;
        Watched& operator=(const Watched&) = delete;
        ~Watched();

    private:
        StallWatchdog* const watchdog_;
        const FiberLoop& loop_;
        std::optional<ThreadTrace::Askable> askable_;
    };

private:
    using Clock = std::chrono::steady_clock;
    struct Entry {
        const FiberLoop* loop;
        pid_t thread;
        clockid_t computing_time;              // the thread's clock
        std::uint64_t turn = 0;                // that was going on at the last look
        Clock::time_point since = {};          // when it was seen first
        std::chrono::nanoseconds before = {};  // what the thread had computed by then
        bool told = false;
    };
    void run();
    [[nodiscard]] std::vector<Stall> look_locked(Clock::time_point now);
    [[nodiscard]] bool holds_up(const Entry& entry, Clock::time_point now) const;

    const std::chrono::nanoseconds limit_;
    const Tell tell_;
    const ThreadTrace trace_;
    std::mutex mutex_;
    std::condition_variable ending_told_;
    std::vector<Entry> loops_;  // guarded by mutex_
    bool ending_ = false;       // guarded by mutex_
    std::thread thread_;
};

}  // namespace socketserver
