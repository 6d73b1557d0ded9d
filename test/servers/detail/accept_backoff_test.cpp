#include <socketserver/detail/accept_backoff.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>

namespace socketserver::test {

using ::socketserver::detail::AcceptBackoff;
using namespace std::chrono_literals;

namespace {

/// The pause that a failure brings about, at least: what is left of it, and what went by.
std::chrono::nanoseconds pause_after_failure(AcceptBackoff& backoff) {
    backoff.resume();
    const auto before = Deadline::Clock::now();
    [[maybe_unused]] const auto count = backoff.failed(AcceptBackoff::Cause::no_descriptors);
    return backoff.until().when() - before;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(accept_backoff)

BOOST_AUTO_TEST_CASE(does_not_pause_before_a_failure) {
    const AcceptBackoff backoff;
    BOOST_TEST(!backoff.pausing());
}

BOOST_AUTO_TEST_CASE(pauses_double_up_to_a_bound) {
    AcceptBackoff backoff;
    for (const auto pause : {1ms, 2ms, 4ms, 8ms, 16ms, 32ms, 50ms, 50ms})
        BOOST_TEST((pause_after_failure(backoff) >= pause));
    BOOST_TEST((backoff.until().remaining() <= 50ms));
}

BOOST_AUTO_TEST_CASE(a_success_makes_the_next_pause_short_again) {
    AcceptBackoff backoff;
    for (int i = 0; i < 10; ++i)
        pause_after_failure(backoff);
    backoff.succeeded();
    pause_after_failure(backoff);
    BOOST_TEST((backoff.until().remaining() <= 1ms));
}

BOOST_AUTO_TEST_CASE(a_pause_can_be_ended) {
    AcceptBackoff backoff;
    for (int i = 0; i < 10; ++i)
        pause_after_failure(backoff);
    backoff.resume();
    BOOST_TEST(!backoff.pausing());
}

BOOST_AUTO_TEST_CASE(says_whether_there_was_a_pause_to_be_ended) {
    AcceptBackoff backoff;
    BOOST_TEST(!backoff.end_pause());
    // On a machine that is busy with something else a pause may be over before it can be ended.
    do
        pause_after_failure(backoff);
    while (!backoff.end_pause());
    BOOST_TEST(!backoff.pausing());
    BOOST_TEST(!backoff.end_pause());
}

BOOST_AUTO_TEST_CASE(the_first_failure_is_to_be_logged_and_then_one_per_interval) {
    AcceptBackoff backoff;
    const auto begin = Deadline::Clock::now();
    BOOST_TEST(backoff.failed(AcceptBackoff::Cause::no_memory).value_or(0) == 1U);
    std::uint64_t logged = 0;
    for (int i = 0; i < 100; ++i) {
        backoff.resume();
        logged += backoff.failed(AcceptBackoff::Cause::no_memory).value_or(0);
    }
    if (Deadline::Clock::now() - begin < 1s)
        BOOST_TEST(logged == 0U);
}

BOOST_AUTO_TEST_CASE(each_cause_is_logged_by_itself) {
    AcceptBackoff backoff;
    for (const auto cause :
         {AcceptBackoff::Cause::no_descriptors, AcceptBackoff::Cause::no_memory, AcceptBackoff::Cause::other}) {
        backoff.resume();
        BOOST_TEST(backoff.failed(cause).value_or(0) == 1U);
    }
}

BOOST_AUTO_TEST_CASE(what_several_find_at_once_is_one_failure) {
    AcceptBackoff backoff;
    while (pause_after_failure(backoff) < 50ms) {
    }
    const Deadline until = backoff.until();
    const auto second = backoff.failed(AcceptBackoff::Cause::other);
    if (!until.expired()) {
        BOOST_TEST(!second);
        BOOST_TEST((backoff.until() == until));
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
