#include "tool.hpp"

#include "support/case_guard.hpp"
#include "support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <string>

namespace socketserver::test {

namespace {

using nlohmann::json;

/// The example with the rates of closed loops times a factor, and apart from each other so far.
std::string changed(const TemporaryDirectory& folder, const std::string& name, double factor, double noise) {
    json results = read_json(EXAMPLE_RESULTS);
    for (json& each : results.at("measurements")) {
        if (each.at("loop") != "closed")
            continue;
        const double rate = each.at("rate").at("median").get<double>() * factor;
        each["limited_by_generator"] = false;
        each["rate"] = {{"median", rate},
                        {"least", rate * (1 - noise)},
                        {"greatest", rate * (1 + noise)},
                        {"runs", {rate, rate * (1 - noise), rate * (1 + noise)}}};
    }
    const auto path = folder / name;
    std::ofstream(path) << results.dump();
    return path;
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
