#include "summary.hpp"

#include "support/case_guard.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

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

BOOST_AUTO_TEST_CASE(does_not_recommend_a_mode_that_lost_requests) {
    Results results;
    results.measurements = {measured("selecting", 10, 1'000, 5), measured("threading", 10, 2'000, 5),
                            measured("selecting", 100, 1'000, 5), measured("threading", 100, 2'000, 5)};
    results.measurements[3].errors = 1;
    BOOST_TEST(advice(results).front() ==
               "For this handler, on connections that stay: threading up to 10 clients, selecting above.");
    std::swap(results.measurements[3].errors, results.measurements[1].errors);
    // What the closed loop did not show the open one may.
    results.measurements.push_back(measured("threading", 100, 500, 5));
    results.measurements.back().open = true;
    results.measurements.back().errors = 1;
    BOOST_TEST(advice(results).front() ==
               "For this handler, on connections that stay: selecting, from 10 to 100 clients.");
}

BOOST_AUTO_TEST_CASE(does_not_recommend_a_mode_whose_server_failed) {
    Results results;
    results.measurements = {measured("selecting", 10, 1'000, 5), measured("threading", 10, 2'000, 5)};
    results.left_out = {{"threading", Shape::keepalive, 10U, "the server has ended"}};
    BOOST_TEST(advice(results).front() == "For this handler, on connections that stay: selecting, for 10 clients.");
    // What the mode is not for, or what happened elsewhere, is no failure here.
    results.left_out = {{"threading", Shape::keepalive, std::nullopt, "measured with less"},
                        {"threading", Shape::connect, 10U, "the server has ended"},
                        {"threading", Shape::keepalive, 11U, "the server has ended"}};
    BOOST_TEST(advice(results).front() == "For this handler, on connections that stay: threading, for 10 clients.");
}

BOOST_AUTO_TEST_CASE(says_where_every_mode_failed) {
    Results results;
    for (const std::size_t connections : {10U, 100U, 1'000U}) {
        for (const char* const mode : {"selecting", "threading"}) {
            results.measurements.push_back(measured(mode, connections, 1'000, 5));
            results.measurements.back().errors = connections > 10 ? 1 : 0;
        }
    }
    BOOST_TEST(advice(results).front() == "For this handler, on connections that stay: selecting or threading up to 10 "
                                          "clients, no mode without errors above.");
}

BOOST_AUTO_TEST_CASE(names_all_whose_runs_overlap) {
    Results results;
    results.measurements = {measured("selecting", 10, 1'000, 5), measured("threading", 10, 1'200, 7)};
    results.measurements[0].rate.runs = {900, 1'000, 1'100};
    results.measurements[1].rate.runs = {1'110, 1'200, 1'300};
    // 1,000 ± 100 and 1,200 ± 95: apart.
    BOOST_TEST(advice(results).front() == "For this handler, on connections that stay: threading, for 10 clients.");
    results.measurements[1].rate.runs = {1'090, 1'200, 1'300};
    BOOST_TEST(advice(results).front() == "For this handler, on connections that stay: selecting, for 10 clients.");
    results.measurements[0].cpu.runs = {4.4, 5, 6.6};
    results.measurements[1].cpu.runs = {6, 7, 8};
    BOOST_TEST(advice(results).front() ==
               "For this handler, on connections that stay: selecting or threading, for 10 clients.");
}

BOOST_AUTO_TEST_CASE(says_nothing_of_a_single_mode) {
    Results results;
    results.measurements = {measured("selecting", 10, 1'000, 5)};
    BOOST_TEST(advice(results).empty());
}

BOOST_AUTO_TEST_CASE(a_note_tells_each_cause_of_errors_once) {
    const auto note = [](const Results& results) -> std::string {
        for (const std::string& warning : warnings(results, {})) {
            if (warning.find("had no reply") != std::string::npos)
                return warning;
        }
        return "";
    };
    Results results;
    for (const char* const mode : {"forking", "selecting", "threading", "preforking"})
        results.measurements.push_back(measured(mode, 10, 1'000, 5));
    BOOST_TEST(note(results).empty());
    for (Measurement& each : results.measurements) {
        each.errors = 500;
        each.first_error = "no reply in time";
    }
    BOOST_TEST(note(results) ==
               "2,000 requests had no reply. The first: forking, keepalive, 10 connections: no reply in time.");
    results.measurements[2].first_error = "connection reset";
    BOOST_TEST(note(results) ==
               "2,000 requests had no reply. The first with each cause: forking, keepalive, 10 connections: no reply "
               "in time; threading, keepalive, 10 connections: connection reset.");
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
