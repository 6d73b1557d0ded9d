#include <socketserver/detail/stop_schedule.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <vector>

namespace socketserver::test {

using ::socketserver::detail::StopSchedule;
using ::socketserver::detail::StopStep;
using ::socketserver::detail::StopTimes;
using namespace std::chrono_literals;

namespace {

/// The steps that are due now.
std::vector<StopStep> due(StopSchedule& stop) {
    std::vector<StopStep> steps;
    while (const auto step = stop.due())
        steps.push_back(*step);
    return steps;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(stop_schedule)

BOOST_AUTO_TEST_CASE(asks_old_requests_at_once_and_the_others_after_the_grace) {
    const StopTimes times{.drain{1h}, .first_input{1h}};
    StopSchedule stop(times);
    BOOST_TEST((due(stop) == std::vector{StopStep::ask_old}));
    BOOST_TEST((stop.next().remaining() <= 30min));
    BOOST_TEST((stop.next().remaining() > 29min));
}

BOOST_AUTO_TEST_CASE(asks_all_requests_at_once_if_new_ones_have_no_grace) {
    const StopTimes times{.drain{1h}, .first_input{0s}};
    StopSchedule stop(times);
    BOOST_TEST((due(stop) == std::vector{StopStep::ask_all}));
    BOOST_TEST((stop.next().remaining() > 59min));
}

BOOST_AUTO_TEST_CASE(cuts_after_the_drain_and_kills_after_a_second) {
    const StopTimes times{.drain{0s}, .first_input{1h}};
    StopSchedule stop(times);
    BOOST_TEST((due(stop) == std::vector{StopStep::ask_all, StopStep::cut}));
    BOOST_TEST(!stop.is_before_cut());
    BOOST_TEST((stop.next().remaining() <= StopTimes::after_cut));
    BOOST_TEST(!stop.next().is_never());
}

BOOST_AUTO_TEST_CASE(waits_for_ever_where_the_drain_never_ends) {
    const StopTimes times{.drain{std::chrono::nanoseconds::max()}, .first_input{0s}};
    StopSchedule stop(times);
    BOOST_TEST((due(stop) == std::vector{StopStep::ask_all}));
    BOOST_TEST(stop.next().is_never());
    BOOST_TEST(stop.is_before_cut());
}

BOOST_AUTO_TEST_CASE(a_cut_that_is_hastened_is_due_at_once_and_once) {
    const StopTimes times{.drain{1h}, .first_input{1h}};
    StopSchedule stop(times);
    stop.hasten_cut();
    BOOST_TEST((due(stop) == std::vector{StopStep::cut}));
    stop.hasten_cut();
    BOOST_TEST(due(stop).empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
