#pragma once

/// \file
/// In which steps a server stops, and when each of them is due.

#include <socketserver/os/deadline.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>

namespace socketserver::detail {

/// What is done to running requests when a server stops. Each step goes further than the one before.
enum class StopStep {
    ask_old,  ///< they are asked to end, but for connections on which nothing has come yet: their input may be under way
    ask_all,  ///< those are asked to end, too
    cut,      ///< they are ended by force: none of their waits succeeds any more
    kill,     ///< what still runs ends with its process, if that is there for nothing else
};

/// How long the steps take. It lies in shared memory, since worker processes keep to it too.
///
/// Thread: any, any process. Lock-free.
struct StopTimes {
    /// How long requests that were cut have to come to their end, before their process is killed.
    static constexpr std::chrono::seconds after_cut{1};
    /// How often whoever waits for children looks whether it is to go on at once.
    static constexpr std::chrono::milliseconds turn{50};

    /// How long running requests have to end before they are cut.
    std::atomic<std::chrono::nanoseconds> drain{std::chrono::nanoseconds{0}};
    /// How long connections on which nothing has come yet have to bring their first input, at most.
    std::atomic<std::chrono::nanoseconds> first_input{std::chrono::nanoseconds{0}};
    /// Requests are to be cut without waiting for that (a second signal); a stop that is going on looks every `turn`.
    std::atomic<bool> cut_now{false};

    static_assert(std::atomic<std::chrono::nanoseconds>::is_always_lock_free, "processes share no locks");

    /// How long they have: what comes then must be answered, too.
    [[nodiscard]] std::chrono::nanoseconds grace() const noexcept {
        return std::min(first_input.load(), drain.load() / 2);
    }

    /// How long it takes until what still runs is killed.
    [[nodiscard]] std::chrono::nanoseconds until_kill() const noexcept {
        const std::chrono::nanoseconds limit = std::chrono::nanoseconds::max() - after_cut;
        return std::min(drain.load(), limit) + after_cut;
    }

    /// The step that a stop begins with.
    [[nodiscard]] StopStep first_step() const noexcept {
        return grace().count() == 0 ? StopStep::ask_all : StopStep::ask_old;
    }
};

/// The steps of a stop that begins now:
///
///     ask_old ──grace──▶ ask_all ──drain──▶ cut ──after_cut──▶ kill
///
/// Whoever stops requests does what is due(), waits for their end until next(), and so on. A value.
class StopSchedule {
public:
    /// \param times how long the steps take; must outlive this object
    explicit StopSchedule(const StopTimes& times) noexcept : StopSchedule(times, Deadline::after(times.drain)) {}

    /// \param times how long the steps take; must outlive this object
    /// \param cut when requests are cut, whatever that says
    StopSchedule(const StopTimes& times, Deadline cut) noexcept
        : times_(&times),
          step_(times.first_step()),
          ask_all_(step_ == StopStep::ask_all ? Deadline::now() : earlier(Deadline::after(times.grace()), cut)),
          cut_(cut) {}

    /// When a step is due next; never once all have been done.
    [[nodiscard]] Deadline next() const noexcept {
        if (over_)
            return Deadline::never();
        switch (step_) {
            case StopStep::ask_old: break;
            case StopStep::ask_all: return ask_all_;
            case StopStep::cut: return cut_;
            case StopStep::kill: return kill_;
        }
        return Deadline::now();
    }

    /// The step that is due, to be done now; none if it is not time for one.
    [[nodiscard]] std::optional<StopStep> due() noexcept {
        if (times_->cut_now)
            hasten_cut();
        if (!next().expired())
            return std::nullopt;
        const StopStep step = step_;
        switch (step) {
            case StopStep::ask_old: step_ = StopStep::ask_all; break;
            case StopStep::ask_all: step_ = StopStep::cut; break;
            case StopStep::cut:
                step_ = StopStep::kill;
                kill_ = Deadline::after(StopTimes::after_cut);
                break;
            case StopStep::kill: over_ = true; break;
        }
        return step;
    }

    /// Whether requests have not been cut yet.
    [[nodiscard]] bool is_before_cut() const noexcept { return step_ < StopStep::kill; }

    /// Makes the cut due now, unless they have been.
    void hasten_cut() noexcept {
        if (!is_before_cut())
            return;
        step_ = StopStep::cut;
        cut_ = Deadline::now();
    }

private:
    const StopTimes* times_;
    StopStep step_;  // the next one, unless over_
    bool over_ = false;
    Deadline ask_all_;
    Deadline cut_;
    Deadline kill_;
};

}  // namespace socketserver::detail
