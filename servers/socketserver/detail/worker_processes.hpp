#pragma once

/// \file
/// The worker processes of a preforking server, as their parent sees them.

#include <socketserver/detail/forked_children.hpp>
#include <socketserver/detail/serving_state.hpp>
#include <socketserver/detail/stop_schedule.hpp>
#include <socketserver/os/deadline.hpp>
#include <socketserver/os/shared_memory.hpp>
#include <socketserver/serving/log.hpp>
#include <socketserver/serving/statistics.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace socketserver::detail {

/// A fixed number of places, each with a worker process or the time when the next one starts there.
///
/// A worker that ends is replaced: at once if it lived for a second or longer, else after 10 ms, doubling to 5 s with each one that
/// lived as short. At most ten lines a second tell of it.
///
/// Owns: the processes, and memory shared with each. Life: stop() and collect() until running() is 0, then it may be
/// destroyed. Thread: the serving one; statistics() and pids() from any.
class WorkerProcesses {
public:
    /// Where messages go.
    using Log = std::function<void(Severity, const std::string&)>;

    /// What a worker does.
    /// \param place from 0 on
    /// \param state what it is to use in place of what it inherited
    /// \return the status it leaves with
    using Work = std::function<int(std::size_t place, ServingState& state)>;

    /// \param count how many places; 0: as many as there are processors
    /// \param log where messages go; must not throw
    /// \throw std::invalid_argument if there are to be too many
    /// \throw boost::system::system_error if there is no memory or descriptor to be had
    WorkerProcesses(std::size_t count, Log log);

    /// How many places there are.
    [[nodiscard]] std::size_t count() const noexcept { return places_.size(); }

    /// Starts workers where there is none and the time has come.
    /// \param work what they do
    void start_missing(const Work& work);

    /// When start_missing() is to be called again.
    [[nodiscard]] Deadline next_start() const noexcept;

    /// Reaps workers that have ended. The requests they left running count as failed.
    /// \param to_go_on whether workers are to go on, so that each that ends is told of, and replaced; otherwise only those
    ///   that fail are
    /// \return whether one has failed
    bool collect(bool to_go_on);

    /// How many have not been reaped.
    [[nodiscard]] std::size_t running() const { return children_.size(); }

    /// Which have not been reaped. Thread: any.
    [[nodiscard]] std::set<pid_t> pids() const { return children_.pids(); }

    /// Readable while a worker has ended and not been reaped.
    [[nodiscard]] int fd() const noexcept { return children_.fd(); }

    /// Does a step of a stop: all are asked to let their requests end and then to leave, to end them by force, or are killed.
    /// \param step which; those that have been asked look themselves when StopStep::ask_all is due
    void stop(StopStep step) noexcept;

    /// What they have counted, those that have ended included. Thread: any.
    [[nodiscard]] Statistics statistics() const noexcept;

private:
    using Clock = std::chrono::steady_clock;
    struct Place {
        SharedMemory<SharedServingState> shared;
        pid_t pid = -1;  // of the worker; -1: there is none
        Clock::time_point started;
        std::chrono::milliseconds pause{0};  // before the next is started, if the one before lived too short
        Deadline next_start = Deadline::now();
    };
    static void start_at_once(Place& place) noexcept;
    static void postpone(Place& place) noexcept;
    void tell(Severity severity, const std::string& what);
    [[nodiscard]] static std::string when_replaced(const Place& place);

    const Log log_;
    std::vector<Place> places_;
    ForkedChildren children_;
    Deadline next_lines_ = Deadline::now();
    std::uint64_t lines_ = 0;     // told since the last second began
    std::uint64_t withheld_ = 0;  // not told
};

/// Waits until one of two descriptors is readable.
/// \param first one, or -1
/// \param second the other, or -1
/// \param deadline when to give up
/// \return whether the first is readable
bool wait_for_either(int first, int second, Deadline deadline) noexcept;

}  // namespace socketserver::detail
