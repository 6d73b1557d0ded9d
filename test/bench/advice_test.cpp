#include "summary.hpp"

#include "support/case_guard.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace socketserver::test {

using namespace bench;

namespace {

Measurement measured(const std::string& mode, std::size_t connections, double rate, double cpu) {
    Measurement measurement;
    measurement.cell.subject.name = mode;
    measurement.cell.connections = connections;
    measurement.repetitions = 1;
    measurement.rate.runs = {rate};
    measurement.cpu.runs = {cpu};
    measurement.busy.runs = {0.5};
    return measurement;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bench_advice, CaseGuard)

BOOST_AUTO_TEST_CASE(names_the_mode_for_each_range_of_connections) {
    Results results;
    results.measurements = {measured("selecting", 10, 1'000, 9),  measured("threading", 10, 2'000, 9),
                            measured("selecting", 200, 1'000, 9), measured("threading", 200, 2'000, 9),
                            measured("selecting", 900, 3'000, 9), measured("threading", 900, 1'000, 9)};
    BOOST_TEST(advice(results).front() ==
               "For this handler, on connections that stay: threading up to 200 clients, selecting above.");
}

BOOST_AUTO_TEST_CASE(chooses_by_processor_time_where_rates_are_as_good) {
    Results results;
    results.measurements = {measured("selecting", 1'000, 1'000, 9), measured("threading", 1'000, 990, 5)};
    BOOST_TEST(advice(results).front() == "For this handler, on connections that stay: threading, for 1,000 clients.");
}

BOOST_AUTO_TEST_CASE(names_all_that_are_as_good) {
    Results results;
    results.measurements = {measured("preforking", 10, 1'000, 5), measured("selecting", 10, 1'010, 5.1),
                            measured("threading", 10, 990, 6)};
    BOOST_TEST(advice(results).front() ==
               "For this handler, on connections that stay: preforking or selecting, for 10 clients.");
}

BOOST_AUTO_TEST_CASE(stays_with_a_mode_that_is_as_good) {
    Results results;
    results.measurements = {
        measured("preforking", 10, 1'000, 5),   measured("selecting", 10, 1'010, 5.1),
        measured("preforking", 100, 1'000, 6),  measured("selecting", 100, 1'000, 5),
        measured("preforking", 1000, 1'000, 5), measured("selecting", 1000, 1'000, 5),
    };
    BOOST_TEST(advice(results).front() ==
               "For this handler, on connections that stay: selecting, from 10 to 1,000 clients.");
}

BOOST_AUTO_TEST_CASE(does_not_trust_a_rate_that_is_the_clients) {
    Results results;
    results.measurements = {measured("selecting", 10, 1'000, 5), measured("threading", 10, 1'200, 9)};
    for (Measurement& each : results.measurements)
        each.busy.runs = {0.99};
    BOOST_TEST(advice(results).front() == "For this handler, on connections that stay: selecting, for 10 clients.");
}

BOOST_AUTO_TEST_CASE(says_nothing_of_a_single_mode) {
    Results results;
    results.measurements = {measured("selecting", 10, 1'000, 5)};
    BOOST_TEST(advice(results).empty());
}

BOOST_AUTO_TEST_CASE(a_figure_is_the_median_of_its_runs_and_tells_their_range) {
    const Figure odd{{3, 1, 2}};
    BOOST_TEST(odd.median() == 2);
    BOOST_TEST(odd.noise() == 0.5);
    const Figure even{{4, 1, 2, 3}};
    BOOST_TEST(even.median() == 2.5);
    BOOST_TEST(even.least() == 1);
    BOOST_TEST(even.greatest() == 4);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
