#include "report.hpp"

#include "support/case_guard.hpp"

#include <nlohmann/json.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace socketserver::test {

namespace {

using Json = nlohmann::json;

std::string example_text() {
    std::ifstream file(EXAMPLE_RESULTS);
    return {std::istreambuf_iterator<char>(file), {}};
}

Json example() {
    return Json::parse(example_text());
}

std::string render(const Json& results) {
    return bench::render_report(results.dump());
}

// What the report's own script reads.
std::string data_of(std::string_view report) {
    constexpr std::string_view opening = R"(<script type="application/json" id="results">)";
    const auto from = report.find(opening);
    BOOST_REQUIRE(from != std::string_view::npos);
    report.remove_prefix(from + opening.size());
    return std::string(report.substr(0, report.find("</script>")));
}

std::string error_of(const std::string& results) {
    try {
        static_cast<void>(bench::render_report(results));
        return "no error";
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
}

std::size_t occurrences(std::string_view text, std::string_view part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size()))
        ++found;
    return found;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bench_report, CaseGuard)

BOOST_AUTO_TEST_CASE(a_report_holds_its_results) {
    const auto report = bench::render_report(example_text());
    BOOST_TEST(report.starts_with("<!DOCTYPE html>\n"));
    BOOST_TEST(report.ends_with("</html>\n"));
    BOOST_TEST((Json::parse(data_of(report)) == example()));
}

BOOST_AUTO_TEST_CASE(a_report_leaves_no_place_of_its_page_unfilled) {
    const auto report = bench::render_report(example_text());
    for (const char* mark : {"@results@", "@script@", "@script_hash@", "@style@", "@style_hash@", "@licence@"})
        BOOST_TEST(occurrences(report, mark) == 0U, mark);
    BOOST_TEST(occurrences(report, "Permission is hereby granted") == 1U);
}

BOOST_AUTO_TEST_CASE(a_report_may_ask_for_nothing) {
    const auto report = bench::render_report(example_text());
    BOOST_TEST(occurrences(report, "content=\"default-src 'none'; script-src 'sha256-") == 1U);
    for (const char* request : {" src=", " href=", "@import", "url("})
        BOOST_TEST(occurrences(report, request) == 0U, request);
}

BOOST_AUTO_TEST_CASE(text_of_the_results_never_becomes_html) {
    const std::string text = "</script><script>alert(1)</script><!--<script>&quot;\xC3\xA9\xE2\x80\xA8";
    Json results = example();
    results["handler"] = text;
    results["command"].push_back(text);
    for (auto& each : results["measurements"])
        if (each["outside"].get<bool>())
            each["mode"] = text;
    const auto report = render(results);
    BOOST_TEST(occurrences(report, "alert(1)</script>") == 0U);
    BOOST_TEST(occurrences(report, "</script>") == occurrences(bench::render_report(example_text()), "</script>"));
    const auto data = data_of(report);
    BOOST_TEST(data.find('<') == std::string::npos);
    BOOST_TEST((Json::parse(data) == results));
}

BOOST_AUTO_TEST_CASE(one_mode_alone_makes_a_report) {
    Json results = example();
    Json alone = Json::array();
    for (const auto& each : results["measurements"])
        if (each["mode"] == "selecting")
            alone.push_back(each);
    results["measurements"] = alone;
    BOOST_TEST((Json::parse(data_of(render(results))) == results));
}

BOOST_AUTO_TEST_CASE(what_was_not_measured_may_be_null) {
    Json results = example();
    Json closed = Json::array();
    for (auto each : results["measurements"])
        if (each["loop"] == "closed") {
            each["latency"]["p99_9_us"] = nullptr;
            each["cpu_us_per_request"] = nullptr;
            each["latency_points"] = Json::array();
            closed.push_back(each);
        }
    results["measurements"] = closed;
    BOOST_TEST((Json::parse(data_of(render(results))) == results));
}

BOOST_AUTO_TEST_CASE(an_interrupted_measurement_makes_a_report) {
    Json results = example();
    results["complete"] = false;
    for (const char* list : {"measurements", "left_out", "advice", "warnings"})
        results[list] = Json::array();
    BOOST_TEST((Json::parse(data_of(render(results))) == results));
}

BOOST_AUTO_TEST_CASE(members_that_are_not_known_are_passed_over) {
    Json results = example();
    results["mood"] = "good";
    results["measurements"][0]["weather"] = {1, 2, 3};
    BOOST_TEST(render(results).ends_with("</html>\n"));
}

BOOST_AUTO_TEST_CASE(what_is_no_json_is_refused) {
    for (const char* text :
         {"", "{", "report", "{\"format\": \"socketserver-bench\",}", "{\"format\": 1e999}", "\"\xFF\""})
        BOOST_TEST(error_of(text).starts_with("results: this is no JSON: "), text);
    BOOST_TEST(error_of(example_text().substr(0, 10'000)).starts_with("results: this is no JSON: "));
}

BOOST_AUTO_TEST_CASE(json_that_nests_without_end_is_refused) {
    BOOST_TEST(error_of(std::string(1'000'000, '[')) == "results: this nests deeper than results do");
}

BOOST_AUTO_TEST_CASE(what_is_of_another_program_or_version_is_refused) {
    BOOST_TEST(error_of("[]") == "results: an object is wanted");
    BOOST_TEST(error_of("{}") == "results: member \"format\" is missing");
    Json results = example();
    results["version"] = 2;
    BOOST_TEST(error_of(results.dump()) ==
               "results: version: 1 is wanted: another version of socketserver-bench wrote this");
    results["format"] = "wrk";
    BOOST_TEST(error_of(results.dump()) ==
               "results: this was not written by socketserver-bench: \"format\" is another");
}

BOOST_AUTO_TEST_CASE(an_error_names_the_member_that_is_missing_or_wrong) {
    struct Fault {
        std::string pointer;
        Json value;
        std::string message;
    };
    const std::vector<Fault> faults = {
        {"/handler", 1, "handler: a string is wanted"},
        {"/complete", "yes", "complete: true or false is wanted"},
        {"/command/1", 7, "command[1]: a string is wanted"},
        {"/machine", nullptr, "machine: an object is wanted"},
        {"/machine/kernel", nullptr, "machine.kernel: a string is wanted"},
        {"/build/libraries/Boost", 1.74, "build.libraries.Boost: a string is wanted"},
        {"/settings/server_processors", 0, "settings.server_processors: a list is wanted"},
        {"/measurements", Json::object(), "measurements: a list is wanted"},
        {"/measurements/3/mode", nullptr, "measurements[3].mode: a string is wanted"},
        {"/measurements/3/connections", 0, "measurements[3].connections: a whole number from 1 up is wanted"},
        {"/measurements/3/connections", 1.5, "measurements[3].connections: a whole number from 1 up is wanted"},
        {"/measurements/3/loop", 1, "measurements[3].loop: a string is wanted"},
        {"/measurements/3/loop", "open", "measurements[3].target_rate: a number is wanted"},
        {"/measurements/3/rate", 1'000, "measurements[3].rate: an object is wanted"},
        {"/measurements/3/rate/median", "1", "measurements[3].rate.median: a number is wanted"},
        {"/measurements/3/rate/runs", Json::array(), "measurements[3].rate.runs: a figure is made of one run at least"},
        {"/measurements/3/latency", Json::object(), "measurements[3].latency: member \"p50_us\" is missing"},
        {"/measurements/3/latency_points/2",
         {1},
         "measurements[3].latency_points[2]: a percentile and a latency are wanted"},
        {"/measurements/3/limited_by_generator", nullptr,
         "measurements[3].limited_by_generator: true or false is wanted"},
        {"/left_out/0/reason", nullptr, "left_out[0].reason: a string is wanted"},
    };
    for (const auto& [pointer, value, message] : faults) {
        Json results = example();
        results[Json::json_pointer(pointer)] = value;
        BOOST_TEST(error_of(results.dump()) == "results: " + message);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
