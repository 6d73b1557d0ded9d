#include <socketserver/detail/worker_processes.hpp>

#include <socketserver/os/error.hpp>
#include <socketserver/server_options.hpp>

#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <utility>

namespace socketserver::detail {

namespace {

constexpr std::size_t most_workers = ServerOptions::Preforking::most_workers;
constexpr std::chrono::seconds long_life{1};
constexpr std::chrono::milliseconds shortest_pause{10};
constexpr std::chrono::milliseconds longest_pause{5'000};
constexpr std::uint64_t lines_per_second = 10;

std::string describe(const EndedChild& child) {
    const std::string worker = "worker " + std::to_string(child.pid);
    if (const int signal = child.signal(); signal != 0)
        return worker + " was killed by signal " + std::to_string(signal) + " (" + sigdescr_np(signal) + ")";
    return worker + " left with status " + std::to_string(WEXITSTATUS(child.status));
}

}  // namespace

WorkerProcesses::WorkerProcesses(std::size_t count, Log log) : log_(std::move(log)) {
    if (count == 0)
        count = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, most_workers);
    if (count > most_workers)
        throw std::invalid_argument(std::to_string(count) + " workers; a preforking server has at most " +
                                    std::to_string(most_workers));
    places_.resize(count);
}

void WorkerProcesses::start_missing(const Work& work) {
    for (std::size_t i = 0; i < places_.size(); ++i) {
        Place& place = places_[i];
        if (place.pid >= 0 || !place.next_start.expired())
            continue;
        place.started = Clock::now();
        place.shared->cut = false;
        try {
            ServingState state(*place.shared);
            place.pid = children_.start("", [&] { return work(i, state); });
        } catch (const system_error& failure) {
            postpone(place);
            tell(Severity::error, std::string("no worker can be started: ") + failure.what() + when_replaced(place));
        }
    }
}

Deadline WorkerProcesses::next_start() const noexcept {
    Deadline next = Deadline::never();
    for (const Place& place : places_) {
        if (place.pid < 0)
            next = earlier(next, place.next_start);
    }
    return next;
}

bool WorkerProcesses::collect(bool to_go_on) {
    bool failed = false;
    for (const EndedChild& child : children_.collect()) {
        const auto place =
            std::find_if(places_.begin(), places_.end(), [&child](const Place& each) { return each.pid == child.pid; });
        place->pid = -1;
        Counters& counters = place->shared->counters;
        const std::uint64_t left_running = counters.active.exchange(0);
        counters.failed += left_running;
        if (place->shared->cut)
            counters.cut += left_running;
        failed = failed || !child.succeeded();
        if (!to_go_on || Clock::now() - place->started >= long_life)
            start_at_once(*place);
        else
            postpone(*place);
        const auto severity = child.signal() != 0 ? Severity::error : Severity::warning;
        if (to_go_on)
            tell(severity, describe(child) + when_replaced(*place));
        else if (!child.succeeded())
            tell(severity, describe(child));
    }
    return failed;
}

void WorkerProcesses::start_at_once(Place& place) noexcept {
    place.pause = std::chrono::milliseconds{0};
    place.next_start = Deadline::now();
}

void WorkerProcesses::postpone(Place& place) noexcept {
    place.pause = std::clamp(place.pause * 2, shortest_pause, longest_pause);
    place.next_start = Deadline::after(place.pause);
}

std::string WorkerProcesses::when_replaced(const Place& place) {
    return place.pause.count() == 0 ? "; the next starts now"
                                    : "; the next starts in " + std::to_string(place.pause.count()) + " ms";
}

void WorkerProcesses::tell(Severity severity, const std::string& what) {
    if (next_lines_.expired()) {
        next_lines_ = Deadline::after(std::chrono::seconds{1});
        lines_ = 0;
    }
    if (++lines_ > lines_per_second) {
        ++withheld_;
        return;
    }
    const auto withheld = std::exchange(withheld_, 0);
    log_(severity, withheld == 0 ? what : what + " (and " + std::to_string(withheld) + " more before)");
}

void WorkerProcesses::stop(StopStep step) noexcept {
    switch (step) {
        case StopStep::ask_old:
        case StopStep::ask_all: return children_.signal_all(SIGTERM);
        case StopStep::cut:
            for (Place& place : places_)
                place.shared->cut = true;
            return children_.signal_all(SIGTERM);
        case StopStep::kill: return children_.signal_all(SIGKILL);
    }
}

Statistics WorkerProcesses::statistics() const noexcept {
    Statistics sum;
    for (const Place& place : places_)
        sum += place.shared->counters.snapshot();
    return sum;
}

bool wait_for_either(int first, int second, Deadline deadline) noexcept {
    std::array<pollfd, 2> polled{{{first, POLLIN, 0}, {second, POLLIN, 0}}};
    return ::poll(polled.data(), polled.size(), deadline.poll_timeout()) > 0 && polled[0].revents != 0;
}

}  // namespace socketserver::detail
