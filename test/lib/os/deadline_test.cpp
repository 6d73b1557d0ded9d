#include <socketserver/os/deadline.hpp>

#include <support/case_guard.hpp>

#include <boost/test/unit_test.hpp>

#include <limits>

namespace socketserver::test {

using namespace std::chrono_literals;
using Clock = Deadline::Clock;

BOOST_FIXTURE_TEST_SUITE(deadline, CaseGuard)

BOOST_AUTO_TEST_CASE(never_never_comes) {
    const Deadline never = Deadline::never();
    BOOST_TEST(never.is_never());
    BOOST_TEST(!never.expired());
    BOOST_TEST(never.poll_timeout() == -1);
    BOOST_CHECK(never.remaining() == std::chrono::nanoseconds::max());
    BOOST_CHECK(never == Deadline{});
}

BOOST_AUTO_TEST_CASE(now_has_come) {
    const Deadline now = Deadline::now();
    BOOST_TEST(!now.is_never());
    BOOST_TEST(now.expired());
    BOOST_TEST(now.poll_timeout() == 0);
    BOOST_CHECK(now.remaining() == 0ns);
}

BOOST_AUTO_TEST_CASE(a_negative_span_has_come) {
    for (const auto span : {-1ns, std::chrono::nanoseconds{-1h}, std::chrono::nanoseconds::min()}) {
        const Deadline past = Deadline::after(span);
        BOOST_TEST(past.expired());
        BOOST_TEST(past.poll_timeout() == 0);
        BOOST_CHECK(past.remaining() == 0ns);
    }
}

BOOST_AUTO_TEST_CASE(the_earliest_points_in_time_have_come) {
    const Deadline past{Clock::time_point::min() + 1ns};
    BOOST_TEST(past.expired());
    BOOST_TEST(past.poll_timeout() == 0);
    BOOST_CHECK(past.remaining() == 0ns);
}

BOOST_AUTO_TEST_CASE(a_span_too_long_for_the_clock_means_never) {
    BOOST_TEST(Deadline::after(std::chrono::nanoseconds::max()).is_never());
    BOOST_TEST(!Deadline::after(1h).is_never());
}

BOOST_AUTO_TEST_CASE(no_timeout_means_never) {
    BOOST_TEST(Deadline::from_timeout(std::nullopt).is_never());
    const std::optional<std::chrono::nanoseconds> zero = 0ns;
    BOOST_TEST(Deadline::from_timeout(zero).expired());
}

BOOST_AUTO_TEST_CASE(poll_never_ends_before_the_deadline) {
    const Deadline soon = Deadline::after(2500us);
    for (;;) {
        const int timeout = soon.poll_timeout();
        if (soon.expired())
            break;
        // Not expired even now: a 0 would make poll return early, and a loop around it spin.
        BOOST_REQUIRE(timeout >= 1);
        BOOST_REQUIRE(timeout <= 3);
    }
}

BOOST_AUTO_TEST_CASE(poll_timeout_of_a_far_deadline_fits_an_int) {
    const Deadline far = Deadline::after(24h * 365 * 100);
    BOOST_TEST(!far.is_never());
    BOOST_TEST(far.poll_timeout() == std::numeric_limits<int>::max());
}

BOOST_AUTO_TEST_CASE(the_earlier_of_two_counts) {
    const Deadline soon = Deadline::after(1s);
    const Deadline later = Deadline::after(1h);
    BOOST_CHECK(earlier(soon, later) == soon);
    BOOST_CHECK(earlier(later, soon) == soon);
    BOOST_CHECK(earlier(Deadline::never(), soon) == soon);
    BOOST_CHECK(Deadline::now() < soon);
    BOOST_CHECK(later < Deadline::never());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
