#include <socketserver/fiber/stall_watchdog.hpp>

#include "fixtures.hpp"
#include "support/eventually.hpp"

#include <socketserver/net/waiter.hpp>
#include <socketserver/os/wakeup.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <poll.h>

namespace socketserver::test {

namespace {

/// What a watchdog has told of.
class Told {
public:
    StallWatchdog::Tell teller() {
        return [this](const StallWatchdog::Stall& stall) {
            const std::lock_guard lock(mutex_);
            stalls_.push_back(stall);
            ++count;
        };
    }

    [[nodiscard]] std::vector<StallWatchdog::Stall> stalls() const {
        const std::lock_guard lock(mutex_);
        return stalls_;
    }

    [[nodiscard]] std::size_t times(const std::string& fiber) const {
        const auto all = stalls();
        return static_cast<std::size_t>(
            std::count_if(all.begin(), all.end(), [&](const auto& stall) { return stall.fiber == fiber; }));
    }

    std::atomic<std::size_t> count{0};

private:
    mutable std::mutex mutex_;
    std::vector<StallWatchdog::Stall> stalls_;  // guarded by mutex_
};

/// Computes until a condition holds. ThreadSanitizer delivers signals at calls that it knows, such as a mutex'.
template <class Predicate>
void compute_until(Predicate predicate) {
    std::mutex mutex;
    while (!predicate())
        const std::lock_guard lock(mutex);
}

/// Has fibers hold up a loop, one after the other, until one of the stalls was told as it should be: a machine that is busy may
/// have kept the thread from what it was to do.
/// \param hold_up what each of them does; returns when the watchdog has told, given how often it had before
/// \param right whether a stall was told as it should be
bool comes_to_be_told(const std::function<void(Told&, std::size_t)>& hold_up,
                      const std::function<bool(const StallWatchdog::Stall&)>& right) {
    Told told;
    StallWatchdog watchdog(1ms, told.teller());
    FiberLoop loop;
    const StallWatchdog::Watched watched(&watchdog, loop);
    return eventually([&] {
        const std::size_t before = told.count;
        loop.spawn([&] { hold_up(told, before); }, nullptr, "the culprit");
        run(loop);
        const auto stalls = told.stalls();
        return std::any_of(stalls.begin(), stalls.end(),
                           [&](const auto& stall) { return stall.fiber == "the culprit" && right(stall); });
    });
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(stall_watchdog, CaseGuard)

BOOST_AUTO_TEST_CASE(tells_of_a_fiber_that_computes_while_it_does_so_and_where) {
    BOOST_TEST(
        comes_to_be_told([](Told& told, std::size_t before) { compute_until([&] { return told.count > before; }); },
                         [](const auto& stall) {
                             const auto& frames = stall.activity.frames;
                             return std::any_of(frames.begin(), frames.end(), [](const std::string& frame) {
                                 return frame.find(program_invocation_short_name) != std::string::npos;
                             });
                         }));
}

BOOST_AUTO_TEST_CASE(tells_of_a_fiber_that_waits_in_the_kernel_and_does_not_disturb_it) {
    bool disturbed = false;
    const auto wait = [&](Told& told, std::size_t before) {
        const Wakeup gate;
        std::thread opener([&] {
            BOOST_TEST(eventually([&] { return told.count > before; }));
            gate.notify();
        });
        pollfd entry{gate.fd(), POLLIN, 0};
        disturbed = disturbed || ::poll(&entry, 1, -1) != 1;
        opener.join();
    };
    BOOST_TEST(comes_to_be_told(wait, [](const auto& stall) { return stall.activity.waits_in.ends_with("poll(2)"); }));
    BOOST_TEST(!disturbed);
}

BOOST_AUTO_TEST_CASE(does_not_tell_of_a_fiber_that_waits_however_long) {
    Told told;
    FiberLoop waiting;
    Wakeup gate;
    waiting.spawn(
        [&] {
            Waitable what(gate.fd());
            Waiter::current().wait(what, Interest::readable, Deadline::never());
        },
        nullptr, "parked");
    waiting.run_once(Deadline::now());
    StallWatchdog watchdog(1ms, told.teller());
    const StallWatchdog::Watched watched(&watchdog, waiting);
    // As long as it takes to find out that another loop is held up.
    std::thread other([&] {
        FiberLoop held_up;
        const StallWatchdog::Watched watched_too(&watchdog, held_up);
        held_up.spawn([&] { compute_until([&] { return told.times("stalled") > 0; }); }, nullptr, "stalled");
        run(held_up);
    });
    other.join();
    BOOST_TEST(told.times("parked") == 0U);
    gate.notify();
    run(waiting);
}

BOOST_AUTO_TEST_CASE(a_stall_is_told_of_once) {
    Told told;
    StallWatchdog watchdog(1ms, told.teller());
    FiberLoop first;
    const StallWatchdog::Watched watched(&watchdog, first);
    // While one turn goes on, as many looks are taken as it takes to tell of three in another loop.
    const auto stall_elsewhere = [&] {
        FiberLoop loop;
        const StallWatchdog::Watched watched_there(&watchdog, loop);
        for (std::size_t wanted = 1; wanted <= 3; ++wanted) {
            loop.spawn([&] { compute_until([&] { return told.times("other") >= wanted; }); }, nullptr, "other");
            run(loop);
        }
    };
    first.spawn(
        [&] {
            compute_until([&] { return told.times("long") == 1; });
            std::thread(stall_elsewhere).join();
        },
        nullptr, "long");
    run(first);
    BOOST_TEST(told.times("long") == 1U);
}

BOOST_AUTO_TEST_CASE(calls_a_fiber_as_it_calls_itself) {
    Told told;
    StallWatchdog watchdog(1ms, told.teller());
    FiberLoop loop;
    const StallWatchdog::Watched watched(&watchdog, loop);
    loop.spawn(
        [&] {
            loop.rename_current("itself");
            loop.yield();
            compute_until([&] { return told.times("itself") > 0; });
        },
        nullptr, "at first");
    run(loop);
    BOOST_TEST(told.times("itself") == 1U);
}

BOOST_AUTO_TEST_CASE(a_limit_longer_than_any_clock_is_none) {
    Told told;
    {
        StallWatchdog watchdog(std::chrono::nanoseconds::max(), told.teller());
        FiberLoop loop;
        const StallWatchdog::Watched watched(&watchdog, loop);
        loop.spawn([] {});
        run(loop);
    }
    BOOST_TEST(told.count == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
