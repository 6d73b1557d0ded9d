#pragma once

/// \file
/// What a worker process of a preforking server has of its own, and how signals reach it.

#include <socketserver/detail/stop_schedule.hpp>
#include <socketserver/net/request_registry.hpp>
#include <socketserver/os/signal_timer.hpp>
#include <socketserver/os/wakeup.hpp>
#include <socketserver/serving/statistics.hpp>

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <ctime>

namespace socketserver::detail {

/// What a worker shares with its parent: it lies in memory that both see.
struct WorkerShared {
    Counters counters;             ///< what the worker counts
    std::atomic<bool> cut{false};  ///< the next SIGTERM means that requests are to be cut
};

/// What a server that runs in a worker process uses in place of what it inherited from its parent.
///
/// Made by the parent before it forks, so that a lack of descriptors is the parent's to see, and used by the child alone.
/// Thread: any of the worker.
struct WorkerState {
    /// \param shared_with_parent must outlive this object
    explicit WorkerState(WorkerShared& shared_with_parent)
        : shared(shared_with_parent), registry(shared.counters.bytes_received, shared.counters.bytes_sent) {}

    /// Has the worker's loop return. Async-signal-safe.
    void end() noexcept {
        ending = true;
        wakeup.notify();
    }

    WorkerShared& shared;             ///< what the parent sees too
    std::atomic<bool> ending{false};  ///< the worker is to leave
    Wakeup wakeup;                    ///< wakes the worker's loop
    Wakeup cut;                       ///< notified for good when the worker's requests are cut
    RequestRegistry registry;         ///< the worker's requests
};

/// Has SIGTERM end a worker, in order or, if WorkerShared::cut says so, by force; and the end of its parent do the same. Should the
/// worker not obey, it is killed one second after the time to drain.
///
/// Life: as long as the worker serves; one in a process. Thread: the worker's first, while it has no other.
class WorkerSignals {
public:
    /// SIGTERM stays blocked.
    /// \param state the worker's
    /// \param parent the process to live no longer than (PR_SET_PDEATHSIG, prctl(2))
    /// \param times how long requests have to end when they are asked to; outlives this object
    /// \param serves_in_one_thread whether the worker serves one request at a time, in the thread that takes the signal; the
    ///   signal then asks that to end, too. Otherwise the loop sees to it.
    WorkerSignals(WorkerState& state, pid_t parent, const StopTimes& times, bool serves_in_one_thread) noexcept;
    WorkerSignals(const WorkerSignals&) = delete;
    WorkerSignals& operator=(const WorkerSignals&) = delete;
    /// SIGTERM has no effect from here on.
    ~WorkerSignals();

    /// Lets SIGTERM through, and SIGINT, which is ignored.
    static void unblock() noexcept;

private:
    static void on_term(int signal) noexcept;
    void term() noexcept;

    WorkerState& state_;
    const bool serves_in_one_thread_;
    const StopTimes& times_;
    bool stopping_ = false;  // SIGTERM has come: the next one is for connections on which nothing has come, too
    SignalTimer end_grace_;  // sends that one
    SignalTimer kill_;
};

}  // namespace socketserver::detail
