#include "tool.hpp"

#include "support/case_guard.hpp"
#include "support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <string>

namespace socketserver::test {

namespace {

using nlohmann::json;

std::string write(const TemporaryDirectory& folder, const std::string& name, const json& results) {
    const auto path = folder / name;
    std::ofstream(path) << results.dump();
    return path;
}

/// The example with the rates of closed loops times a factor, and apart from each other so far.
std::string changed(const TemporaryDirectory& folder, const std::string& name, double factor, double noise,
                    bool limited = false) {
    json results = read_json(EXAMPLE_RESULTS);
    for (json& each : results.at("measurements")) {
        if (each.at("loop") != "closed")
            continue;
        const double rate = each.at("rate").at("median").get<double>() * factor;
        each["limited_by_generator"] = limited;
        each["rate"] = {{"median", rate},
                        {"least", rate * (1 - noise)},
                        {"greatest", rate * (1 + noise)},
                        {"runs", {rate, rate * (1 - noise), rate * (1 + noise)}}};
    }
    return write(folder, name, results);
}

/// The example where a mode's server failed: in one cell, or in all of a shape.
json with_left_out(const std::string& mode, const std::string& shape, const json& connections) {
    json results = read_json(EXAMPLE_RESULTS);
    auto& measurements = results.at("measurements");
    for (std::size_t i = measurements.size(); i-- > 0;) {
        const json& each = measurements.at(i);
        if (each.at("mode") == mode && each.at("shape") == shape &&
            (connections.is_null() || each.at("connections") == connections))
            measurements.erase(i);
    }
    results.at("left_out")
        .push_back(
            {{"mode", mode}, {"shape", shape}, {"connections", connections}, {"reason", "the server has ended: oh"}});
    return results;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bench_diff, CaseGuard)

BOOST_AUTO_TEST_CASE(results_do_not_differ_from_themselves) {
    const Outcome outcome = bench({"socketserver-bench", "diff", EXAMPLE_RESULTS, EXAMPLE_RESULTS});
    BOOST_TEST(outcome.status == 0);
    BOOST_TEST(outcome.output.find(" 0 worse") != std::string::npos);
    BOOST_TEST(outcome.output.find("WORSE") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_became_worse_past_the_threshold_ends_with_status_1) {
    const TemporaryDirectory folder;
    const std::string before = changed(folder, "a.json", 1, 0.01);
    const std::string slower = changed(folder, "b.json", 0.7, 0.01);
    BOOST_TEST(bench({"socketserver-bench", "diff", before, slower}).status == 1);
    BOOST_TEST(bench({"socketserver-bench", "diff", before, slower, "--threshold", "60"}).status == 0);
    BOOST_TEST(bench({"socketserver-bench", "diff", slower, before}).status == 0);
}

BOOST_AUTO_TEST_CASE(what_lies_within_the_noise_is_no_difference) {
    const TemporaryDirectory folder;
    const Outcome outcome =
        bench({"socketserver-bench", "diff", changed(folder, "a.json", 1, 0.3), changed(folder, "b.json", 0.7, 0.3)});
    BOOST_TEST(outcome.status == 0);
    BOOST_TEST(outcome.output.find("±60%  within the noise") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(requests_that_are_lost_anew_are_worse) {
    const TemporaryDirectory folder;
    json results = read_json(EXAMPLE_RESULTS);
    results.at("measurements").at(0).at("errors") = 3;
    const std::string lossy = write(folder, "lossy.json", results);
    const Outcome worse = bench({"socketserver-bench", "diff", EXAMPLE_RESULTS, lossy});
    BOOST_TEST(worse.status == 1);
    BOOST_TEST(contains(worse.output, "WORSE: requests had no reply"), worse.output);
    BOOST_TEST(contains(worse.output, "; 1 failed or lost requests in B only"), worse.output);
    BOOST_TEST(bench({"socketserver-bench", "diff", lossy, EXAMPLE_RESULTS}).status == 0);
    BOOST_TEST(bench({"socketserver-bench", "diff", lossy, lossy}).status == 0);
}

BOOST_AUTO_TEST_CASE(a_server_that_fails_anew_is_worse) {
    const TemporaryDirectory folder;
    const std::string failed = write(folder, "failed.json", with_left_out("selecting", "keepalive", 100));
    const Outcome worse = bench({"socketserver-bench", "diff", EXAMPLE_RESULTS, failed});
    BOOST_TEST(worse.status == 1);
    BOOST_TEST(contains(worse.output, "selecting keepalive 100  WORSE: left out in B: the server has ended: oh\n"),
               worse.output);
    BOOST_TEST(contains(worse.output, "; 1 failed or lost requests in B only"), worse.output);
    BOOST_TEST(bench({"socketserver-bench", "diff", failed, EXAMPLE_RESULTS}).status == 0);
    BOOST_TEST(bench({"socketserver-bench", "diff", failed, failed}).status == 0);
    const std::string unasked = write(folder, "unasked.json", with_left_out("selecting", "keepalive", nullptr));
    BOOST_TEST(bench({"socketserver-bench", "diff", EXAMPLE_RESULTS, unasked}).status == 0);
}

BOOST_AUTO_TEST_CASE(a_rate_of_the_clients_tells_only_a_fall_below_it) {
    const TemporaryDirectory folder;
    const std::string limited = changed(folder, "limited.json", 1, 0.01, true);
    const std::string limited_lower = changed(folder, "limited_lower.json", 0.5, 0.01, true);
    const std::string lower = changed(folder, "lower.json", 0.5, 0.01);
    const std::string higher = changed(folder, "higher.json", 2, 0.01);
    const auto diff = [](const std::string& a, const std::string& b) {
        return bench({"socketserver-bench", "diff", a, b});
    };
    BOOST_TEST(diff(limited, lower).status == 1);
    for (const Outcome& none : {diff(limited, limited_lower), diff(limited, higher), diff(higher, limited)}) {
        BOOST_TEST(none.status == 0);
        BOOST_TEST(!contains(none.output, " requests/s "), none.output);
        BOOST_TEST(contains(none.output, "; 50 rates not compared, which were the clients'"), none.output);
    }
}

BOOST_AUTO_TEST_CASE(says_what_it_cannot_compare) {
    const TemporaryDirectory folder;
    json results = read_json(EXAMPLE_RESULTS);
    results.at("measurements").at(0).at("cpu_us_per_request").at("median") = 0;
    const Outcome outcome = bench({"socketserver-bench", "diff", EXAMPLE_RESULTS, write(folder, "b.json", results)});
    BOOST_TEST(outcome.status == 0);
    BOOST_TEST(contains(outcome.output, " 0  not compared: there is no ratio to 0 or less\n"), outcome.output);
}

BOOST_AUTO_TEST_CASE(says_which_circumstances_are_others) {
    const TemporaryDirectory folder;
    json results = read_json(EXAMPLE_RESULTS);
    results.at("handler") = "time";
    results.at("settings").at("request_bytes") = 5;
    results.at("complete") = false;
    const Outcome outcome = bench({"socketserver-bench", "diff", EXAMPLE_RESULTS, write(folder, "b.json", results)});
    BOOST_TEST(outcome.status == 0);
    for (const char* const note :
         {"Note: not the same in both files: handler: \"echo\" in A, \"time\" in B.\n",
          "Note: not the same in both files: settings/request_bytes: 32 in A, 5 in B.\n", "Note: B was interrupted"})
        BOOST_TEST(contains(outcome.output, note), outcome.output);
    BOOST_TEST(!contains(outcome.output, "A was interrupted"), outcome.output);
    BOOST_TEST(!contains(outcome.output, "machine"), outcome.output);
}

BOOST_AUTO_TEST_CASE(files_that_are_none_of_ours_get_one_line) {
    const TemporaryDirectory folder;
    const auto other = folder / "other.json";
    std::ofstream(other) << "{\"figures\": []}";
    for (const std::string& path : {(folder / "nowhere").string(), other.string()}) {
        const Outcome outcome = bench({"socketserver-bench", "diff", path, EXAMPLE_RESULTS});
        BOOST_TEST(outcome.status == 1);
        BOOST_TEST(outcome.error.starts_with("socketserver-bench: " + path));
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
