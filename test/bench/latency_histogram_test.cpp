#include "latency_histogram.hpp"

#include "support/case_guard.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cmath>
#include <stdexcept>

namespace socketserver::test {

using bench::LatencyHistogram;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

BOOST_FIXTURE_TEST_SUITE(latency_histogram, CaseGuard)

BOOST_AUTO_TEST_CASE(knows_every_quantile_to_one_percent) {
    for (const double unit : {1e2, 1e4, 1e6}) {
        LatencyHistogram histogram;
        constexpr int many = 10'000;
        for (int i = 1; i <= many; ++i)
            histogram.add(nanoseconds(static_cast<long>(unit * i)));
        for (const double part : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999}) {
            const double exact = unit * part * many;
            const auto told = static_cast<double>(histogram.quantile(part).count());
            BOOST_TEST(std::abs(told - exact) <= exact * 0.01, "quantile " << part << ": " << told << " for " << exact);
        }
    }
}

BOOST_AUTO_TEST_CASE(knows_the_shortest_and_the_longest_exactly) {
    LatencyHistogram histogram;
    for (const auto duration : {12'345ns, 123'456'789ns, 77'777ns})
        histogram.add(duration);
    BOOST_TEST(histogram.quantile(0).count() == 12'345);
    BOOST_TEST(histogram.quantile(1).count() == 123'456'789);
    BOOST_TEST(histogram.count() == 3U);
}

BOOST_AUTO_TEST_CASE(takes_the_value_that_so_many_do_not_exceed) {
    LatencyHistogram histogram;
    for (int i = 1; i < 1'000; ++i)
        histogram.add(1ms);
    histogram.add(1s);
    BOOST_TEST(histogram.count() == 1'000U);
    // As the table asks for it: a little more than 0.999.
    BOOST_TEST((histogram.quantile(99.9 / 100) < 2ms));
    BOOST_TEST((histogram.quantile(1 - 0.001) < 2ms));
    BOOST_TEST((histogram.quantile(0.9991) == 1s));
}

BOOST_AUTO_TEST_CASE(counts_what_lies_outside_its_bounds) {
    LatencyHistogram histogram;
    histogram.add(-5ns);
    histogram.add(0ns);
    histogram.add(100'000s);
    BOOST_TEST(histogram.count() == 3U);
    BOOST_TEST(histogram.quantile(1).count() == nanoseconds(100'000s).count());
}

BOOST_AUTO_TEST_CASE(is_zero_while_empty) {
    const LatencyHistogram histogram;
    BOOST_TEST(histogram.quantile(0.5).count() == 0);
    BOOST_TEST(histogram.count() == 0U);
}

BOOST_AUTO_TEST_CASE(merges_other_threads_and_other_processes) {
    LatencyHistogram all;
    LatencyHistogram fast;
    LatencyHistogram slow;
    for (int i = 1; i <= 100; ++i) {
        fast.add(1us * i);
        slow.add(1ms * i);
        all.add(1us * i);
        all.add(1ms * i);
    }
    LatencyHistogram merged = fast;
    merged.merge(slow);
    LatencyHistogram told;
    told.merge(fast.parts());
    told.merge(slow.parts());
    for (const double part : {0.0, 0.25, 0.5, 0.75, 0.99, 1.0}) {
        BOOST_TEST(merged.quantile(part).count() == all.quantile(part).count());
        BOOST_TEST(told.quantile(part).count() == all.quantile(part).count());
    }
    BOOST_TEST(merged.count() == all.count());
    BOOST_TEST(told.count() == all.count());
    BOOST_CHECK_THROW(told.merge({{{1'000'000, 1}}, 1ns, 1ns}), std::out_of_range);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
