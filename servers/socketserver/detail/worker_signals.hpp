#pragma once

/// \file
/// How a signal ends a worker process of a preforking server.

#include <socketserver/detail/serving_state.hpp>
#include <socketserver/detail/stop_schedule.hpp>
#include <socketserver/os/signal_timer.hpp>

#include <sys/types.h>

namespace socketserver::detail {

/// Has SIGTERM end a worker, in order or, if SharedServingState::cut says so, by force; and the end of its parent do the same. Should the
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
    WorkerSignals(ServingState& state, pid_t parent, const StopTimes& times, bool serves_in_one_thread) noexcept;
    WorkerSignals(const WorkerSignals&) = delete;
    WorkerSignals& operator=(const WorkerSignals&) = delete;
    /// SIGTERM has no effect from here on.
    ~WorkerSignals();

    /// Lets SIGTERM through, and SIGINT, which is ignored.
    static void unblock() noexcept;

private:
    static void on_term(int signal) noexcept;
    void term() noexcept;

    ServingState& state_;
    const bool serves_in_one_thread_;
    const StopTimes& times_;
    bool stopping_ = false;  // SIGTERM has come: the next one is for connections on which nothing has come, too
    SignalTimer end_grace_;  // sends that one
    SignalTimer kill_;
};

}  // namespace socketserver::detail
