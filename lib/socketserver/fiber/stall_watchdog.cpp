#include <socketserver/fiber/stall_watchdog.hpp>

#include <socketserver/os/deadline.hpp>
#include <socketserver/os/signals.hpp>

#include <algorithm>
#include <exception>
#include <utility>

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace socketserver {

namespace {

std::chrono::nanoseconds time_of(clockid_t clock) noexcept {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

}  // namespace

StallWatchdog::StallWatchdog(std::chrono::nanoseconds limit, Tell tell) : limit_(limit), tell_(std::move(tell)) {
    const auto blocked = ScopedSignalBlock::asynchronous();
    thread_ = std::thread([this] { run(); });
}

StallWatchdog::~StallWatchdog() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    ending_told_.notify_one();
    thread_.join();
}

StallWatchdog::Watched::Watched(StallWatchdog* watchdog, const FiberLoop& loop) : watchdog_(watchdog), loop_(loop) {
    if (watchdog_ == nullptr)
        return;
    Entry entry{&loop, static_cast<pid_t>(::syscall(SYS_gettid)), CLOCK_MONOTONIC};
    ::pthread_getcpuclockid(::pthread_self(), &entry.computing_time);
    const std::lock_guard lock(watchdog_->mutex_);
    watchdog_->loops_.push_back(entry);
    askable_.emplace();
}

StallWatchdog::Watched::~Watched() {
    if (watchdog_ == nullptr)
        return;
    const std::lock_guard lock(watchdog_->mutex_);
    auto& loops = watchdog_->loops_;
    loops.erase(std::find_if(loops.begin(), loops.end(), [this](const Entry& each) { return each.loop == &loop_; }));
}

void StallWatchdog::run() {
    const auto pause = std::max<std::chrono::nanoseconds>(limit_ / 4, std::chrono::milliseconds{1});
    const auto ending = [this] { return ending_; };
    std::unique_lock lock(mutex_);
    for (;;) {
        const Deadline next = Deadline::after(pause);
        if (next.is_never())  // not for the clock's arithmetic
            ending_told_.wait(lock, ending);
        if (ending_told_.wait_until(lock, next.when(), ending))
            return;
        std::vector<Stall> stalls;
        try {
            stalls = look_locked(Clock::now());
        } catch (const std::exception&) {
            continue;  // no memory: at the next look, perhaps
        }
        if (stalls.empty())
            continue;
        lock.unlock();  // a loop that ends need not wait for the log
        for (const Stall& stall : stalls)
            tell_(stall);
        lock.lock();
    }
}

std::vector<StallWatchdog::Stall> StallWatchdog::look_locked(Clock::time_point now) {
    std::vector<Stall> stalls;
    for (Entry& entry : loops_) {
        const std::uint64_t turn = entry.loop->scheduler().turn();
        if (turn != entry.turn) {
            entry.turn = turn;
            entry.since = now;
            entry.before = turn != 0 ? time_of(entry.computing_time) : std::chrono::nanoseconds{0};
            entry.told = false;
        } else if (turn != 0 && !entry.told && holds_up(entry, now)) {
            auto name = entry.loop->scheduler().name_of_turn(turn);
            if (!name)
                continue;
            ThreadActivity activity = trace_.of(entry.thread);
            // What comes after it is not to be told for it.
            if (entry.loop->scheduler().turn() != turn)
                activity = {};
            stalls.push_back({std::move(*name), std::move(activity)});
            entry.told = true;
        }
    }
    return stalls;
}

/// Whether a turn that goes on takes too long, and not because others have the processors.
bool StallWatchdog::holds_up(const Entry& entry, Clock::time_point now) const {
    return now - entry.since >= limit_ &&
           (ThreadTrace::waits(entry.thread) || time_of(entry.computing_time) - entry.before >= limit_ / 2);
}

}  // namespace socketserver
