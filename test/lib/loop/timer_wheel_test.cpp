#include <socketserver/loop/timer_wheel.hpp>

#include "support/case_guard.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

namespace socketserver::test {

namespace {

using namespace std::chrono_literals;
using Clock = Deadline::Clock;

/// Calls a function when it expires.
class TestTimer final : public Timer {
public:
    explicit TestTimer(std::function<void()> f = {}) : f_(std::move(f)) {}
    int count = 0;

private:
    void expired() noexcept override {
        ++count;
        if (f_)
            f_();
    }
    std::function<void()> f_;
};

/// A wheel and a clock that only the test sets.
struct Simulated {
    TimerWheel wheel;
    Clock::time_point now = Clock::now();

    Deadline in(std::chrono::nanoseconds span) const { return Deadline{now + span}; }
    void pass(std::chrono::nanoseconds span) {
        now += span;
        wheel.advance(now);
    }
};

// Where a level of the wheel begins.
constexpr std::chrono::milliseconds level(unsigned number) {
    return std::chrono::milliseconds{std::int64_t{1} << (6U * number)};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(timer_wheel, CaseGuard)

BOOST_AUTO_TEST_CASE(expires_once_its_time_has_come_and_never_before) {
    for (const std::chrono::nanoseconds span : {1ns, 999'999ns, 1'000'000ns, 1'000'001ns, 63'500'000ns}) {
        Simulated at;
        TestTimer timer;
        at.wheel.arm(timer, at.in(span));
        BOOST_TEST(timer.armed());
        at.pass(span - 1ns);
        BOOST_TEST(timer.count == 0);
        at.pass(1ns + 1ms);  // the wheel's resolution
        BOOST_TEST(timer.count == 1);
        BOOST_TEST(!timer.armed());
        at.pass(1h);
        BOOST_TEST(timer.count == 1);
    }
}

BOOST_AUTO_TEST_CASE(timers_expire_in_the_order_of_their_deadlines) {
    Simulated at;
    std::vector<int> order;
    std::vector<std::unique_ptr<TestTimer>> timers;
    const std::vector<int> spans{5000, 3, 64, 63, 65, 4096, 1, 300'000, 4095, 2};
    for (const int span : spans) {
        timers.push_back(std::make_unique<TestTimer>([&order, span] { order.push_back(span); }));
        at.wheel.arm(*timers.back(), at.in(std::chrono::milliseconds{span}));
    }
    at.pass(1h);
    BOOST_TEST(order.size() == spans.size());
    BOOST_TEST(std::ranges::is_sorted(order));
}

BOOST_AUTO_TEST_CASE(a_timer_can_be_armed_again_in_expired) {
    Simulated at;
    TestTimer* self = nullptr;
    TestTimer timer([&] { at.wheel.arm(*self, at.in(10ms)); });
    self = &timer;
    at.wheel.arm(timer, at.in(10ms));
    for (int i = 1; i <= 100; ++i) {
        at.pass(12ms);
        BOOST_TEST(timer.count == i);
        BOOST_TEST(timer.armed());
    }
}

BOOST_AUTO_TEST_CASE(arming_for_the_past_in_expired_does_not_go_on_for_ever) {
    Simulated at;
    TestTimer* self = nullptr;
    TestTimer timer([&] { at.wheel.arm(*self, Deadline::now()); });
    self = &timer;
    at.wheel.arm(timer, Deadline::now());
    at.pass(10ms);
    BOOST_TEST(timer.count >= 1);
    BOOST_TEST(timer.count <= 12);
    timer.disarm();
}

BOOST_AUTO_TEST_CASE(timers_of_the_same_tick_can_disarm_and_arm_each_other_in_expired) {
    Simulated at;
    std::vector<std::unique_ptr<TestTimer>> timers;
    const auto disarm_others = [&] {
        for (auto& timer : timers)
            timer->disarm();
    };
    for (int i = 0; i < 5; ++i) {
        timers.push_back(std::make_unique<TestTimer>(disarm_others));
        at.wheel.arm(*timers.back(), at.in(5ms));
    }
    at.pass(1s);
    int expired = 0;
    for (const auto& timer : timers)
        expired += timer->count;
    BOOST_TEST(expired == 1);
    BOOST_TEST(at.wheel.next().is_never());
}

BOOST_AUTO_TEST_CASE(a_deadline_in_the_past_expires_at_the_next_tick_and_not_within_arm) {
    Simulated at;
    at.pass(1min);
    TestTimer past;
    TestTimer now;
    at.wheel.arm(past, at.in(-1h));
    at.wheel.arm(now, Deadline::now());
    BOOST_TEST(past.count == 0);
    BOOST_TEST((at.wheel.next().when() <= at.now + 2ms));
    at.pass(2ms);
    BOOST_TEST(past.count == 1);
    BOOST_TEST(now.count == 1);
}

BOOST_AUTO_TEST_CASE(a_deadline_that_never_comes_disarms) {
    Simulated at;
    TestTimer timer;
    at.wheel.arm(timer, at.in(1s));
    at.wheel.arm(timer, Deadline::never());
    BOOST_TEST(!timer.armed());
    BOOST_TEST(at.wheel.next().is_never());
    at.pass(1h);
    BOOST_TEST(timer.count == 0);
}

BOOST_AUTO_TEST_CASE(arming_anew_replaces_the_deadline) {
    Simulated at;
    TestTimer timer;
    at.wheel.arm(timer, at.in(1s));
    at.wheel.arm(timer, at.in(1h));
    at.pass(59min);
    BOOST_TEST(timer.count == 0);
    at.wheel.arm(timer, at.in(1ms));
    at.pass(3ms);
    BOOST_TEST(timer.count == 1);
}

BOOST_AUTO_TEST_CASE(deadlines_beyond_the_horizon_are_kept) {
    constexpr auto year = std::chrono::hours{24 * 365};
    Simulated at;
    TestTimer far;
    TestTimer last;
    at.wheel.arm(far, at.in(10 * year));
    at.wheel.arm(last, Deadline{Clock::time_point::max() - 1ns});
    at.pass(10 * year - 1ms);
    BOOST_TEST(far.count == 0);
    at.pass(3ms);
    BOOST_TEST(far.count == 1);
    BOOST_TEST(last.count == 0);
}

BOOST_AUTO_TEST_CASE(a_deadline_beyond_the_horizon_delays_no_other) {
    Simulated at;
    TestTimer far;
    TestTimer near;
    at.pass(5ms);
    at.wheel.arm(far, at.in(24h * 365 * 50));
    at.wheel.arm(near, at.in(24h * 40));
    BOOST_TEST((at.wheel.next().when() <= at.now + 24h * 40));
    at.pass(24h * 40 + 1ms);
    BOOST_TEST(near.count == 1);
    BOOST_TEST(far.count == 0);
}

BOOST_AUTO_TEST_CASE(every_level_wraps_around) {
    for (unsigned number = 0; number <= 5; ++number) {
        Simulated at;
        // Time stands just before the end of a round of this level.
        at.pass(level(number) * 63 + level(number) - 1ms);
        for (const auto span : {1ms, 2ms, std::chrono::milliseconds{level(number)}, level(number) * 63,
                                level(number) * 64 - 1ms, level(number) * 64, level(number) * 64 + 1ms}) {
            BOOST_TEST_INFO("level " << number << ", " << span.count() << " ms");
            TestTimer timer;
            at.wheel.arm(timer, at.in(span));
            at.pass(span - 1ns);
            BOOST_TEST(timer.count == 0);
            at.pass(2ms);
            BOOST_TEST(timer.count == 1);
        }
    }
}

BOOST_AUTO_TEST_CASE(next_is_not_later_than_the_first_expiry_and_gets_there) {
    for (const std::chrono::milliseconds span : {1ms, 63ms, 64ms, 65ms, 4095ms, 4096ms, 1'000'000ms, 100'000'000ms}) {
        Simulated at;
        at.pass(12'345ms);
        TestTimer timer;
        at.wheel.arm(timer, at.in(span));
        const auto due = at.now + span;
        int steps = 0;
        while (timer.count == 0 && ++steps < 20) {
            const Deadline next = at.wheel.next();
            BOOST_TEST_REQUIRE((next.when() <= due + 1ms));
            at.now = std::max(at.now, next.when());
            at.wheel.advance(at.now);
        }
        BOOST_TEST(timer.count == 1);
        // At most one move a level.
        BOOST_TEST(steps <= 7);
        BOOST_TEST(at.wheel.next().is_never());
    }
}

BOOST_AUTO_TEST_CASE(time_that_stands_still_or_goes_back_does_nothing) {
    Simulated at;
    TestTimer timer;
    at.wheel.arm(timer, at.in(10ms));
    at.wheel.advance(at.now);
    at.wheel.advance(at.now - 1h);
    at.wheel.advance(Clock::time_point::min());
    BOOST_TEST(timer.count == 0);
    at.pass(12ms);
    BOOST_TEST(timer.count == 1);
    at.wheel.advance(at.now - 1h);
    BOOST_TEST(timer.count == 1);
}

BOOST_AUTO_TEST_CASE(a_timer_that_is_destroyed_while_armed_does_not_expire) {
    Simulated at;
    {
        TestTimer timer;
        at.wheel.arm(timer, at.in(1ms));
    }
    BOOST_TEST(at.wheel.next().is_never());
    at.pass(1s);
}

BOOST_AUTO_TEST_CASE(a_wheel_that_is_destroyed_disarms_its_timers) {
    TestTimer timer;
    TestTimer other;
    {
        TimerWheel wheel;
        wheel.arm(timer, Deadline::after(1s));
        wheel.arm(other, Deadline::after(24h));
    }
    BOOST_TEST(!timer.armed());
    BOOST_TEST(!other.armed());
    timer.disarm();
}

BOOST_AUTO_TEST_CASE(agrees_with_a_sorted_list_whatever_is_armed_disarmed_and_however_time_passes) {
    for (const unsigned seed : {1U, 2U, 3U, 4U, 5U, 6U}) {
        BOOST_TEST_INFO("seed " << seed);
        std::mt19937_64 random(seed);
        const auto below = [&](std::uint64_t bound) { return static_cast<std::int64_t>(random() % bound); };
        Simulated at;
        struct Reference {
            std::unique_ptr<TestTimer> timer;
            Clock::time_point due;
            bool armed = false;
        };
        std::vector<Reference> timers(200);
        std::vector<std::size_t> expired;
        for (std::size_t i = 0; i < timers.size(); ++i)
            timers[i].timer = std::make_unique<TestTimer>([&expired, i] { expired.push_back(i); });
        for (int step = 0; step < 3000; ++step) {
            for (int change = 0; change < 4; ++change) {
                Reference& chosen = timers[random() % timers.size()];
                if (below(4) == 0) {
                    chosen.timer->disarm();
                    chosen.armed = false;
                    continue;
                }
                // All magnitudes, from nanoseconds to years.
                const std::chrono::nanoseconds span{below(std::uint64_t{1} << (1 + below(57)))};
                chosen.due = at.now + span;
                chosen.armed = true;
                at.wheel.arm(*chosen.timer, Deadline{chosen.due});
            }
            const std::chrono::nanoseconds jump{below(std::uint64_t{1} << (1 + below(below(20) == 0 ? 54 : 32)))};
            expired.clear();
            at.pass(jump);
            Clock::time_point latest;
            for (const std::size_t i : expired) {
                BOOST_REQUIRE(timers[i].armed);
                BOOST_REQUIRE(timers[i].due <= at.now);
                BOOST_REQUIRE(timers[i].due > latest - 1ms);  // in order, but within a tick
                latest = std::max(latest, timers[i].due);
                timers[i].armed = false;
            }
            Clock::time_point first = Clock::time_point::max();
            for (const Reference& each : timers) {
                BOOST_REQUIRE(each.armed == each.timer->armed());
                if (!each.armed)
                    continue;
                BOOST_REQUIRE(each.due > at.now - 2ms);  // none is forgotten
                first = std::min(first, each.due);
            }
            BOOST_REQUIRE(at.wheel.next().is_never() == (first == Clock::time_point::max()));
            if (first != Clock::time_point::max())
                BOOST_REQUIRE(at.wheel.next().when() <= std::max(first, at.now) + 2ms);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_timers_all_expire_in_order) {
    Simulated at;
    std::mt19937 random(7);
    std::vector<std::unique_ptr<TestTimer>> timers;
    std::vector<std::int64_t> order;
    for (int i = 0; i < 100'000; ++i) {
        const auto span = static_cast<std::int64_t>(random() % 1'000'000);
        timers.push_back(std::make_unique<TestTimer>([&order, span] { order.push_back(span); }));
        at.wheel.arm(*timers.back(), at.in(std::chrono::milliseconds{span}));
    }
    // Every tenth is disarmed, as those of connections that were answered.
    std::size_t left = 0;
    for (std::size_t i = 0; i < timers.size(); ++i) {
        if (i % 10 == 0)
            timers[i]->disarm();
        else
            ++left;
    }
    at.pass(500s);
    const std::size_t half = order.size();
    BOOST_TEST(half > left / 3);
    BOOST_TEST(half < left - left / 3);
    at.pass(501s);
    BOOST_TEST(order.size() == left);
    BOOST_TEST(std::ranges::is_sorted(order));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
