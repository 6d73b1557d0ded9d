#include "tool.hpp"

#include "support/case_guard.hpp"
#include "support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace socketserver::test {

namespace {

using nlohmann::json;

std::vector<std::string> brief(const std::string& program, const std::vector<std::string>& more) {
    std::vector<std::string> command{program, "--mode",    "selecting", "--shape",  "keepalive", "--connections",
                                     "2",     "--seconds", "0.02",      "--repeat", "1",         "--closed"};
    command.insert(command.end(), more.begin(), more.end());
    return command;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(outside_server, CaseGuard)

BOOST_AUTO_TEST_CASE(one_that_answers_stands_in_the_same_table) {
    const TemporaryDirectory folder;
    const Outcome outcome = bench(
        brief("socketserver-bench", {"--against", "a peer=" + program_path("echo_server") + " --quiet --port PORT",
                                     "--output", folder.path()}));
    BOOST_TEST(outcome.status == 0);
    const json peer = find(read_json(folder / "results.json"), "a peer", "closed");
    BOOST_TEST(peer.at("outside") == true);
    BOOST_TEST(peer.at("requests").get<std::size_t>() > 0U);
    BOOST_TEST(contains(outcome.output, "a peer"));
}

BOOST_AUTO_TEST_CASE(one_that_cannot_be_run_is_found_out_first) {
    const TemporaryDirectory folder;
    const Outcome outcome =
        bench(brief("socketserver-bench",
                    {"--against", "broken=sh -c 'echo no luck >&2; exit 3' PORT", "--output", folder.path()}));
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(outcome.error.starts_with("socketserver-bench: broken: 'sh -c"), outcome.error);
    BOOST_TEST(outcome.error.ends_with("has ended: no luck\n"), outcome.error);
    BOOST_TEST(outcome.output.empty());
    BOOST_TEST(std::filesystem::is_empty(folder.path()));
}

BOOST_AUTO_TEST_CASE(the_end_of_what_one_has_said_is_told) {
    const Outcome outcome = bench(brief(
        "socketserver-bench", {"--against", "broken=sh -c 'seq 1000 >&2; echo no luck at all >&2; exit 3' PORT"}));
    BOOST_TEST(outcome.status == 1);
    // 500 bytes, less what is no whole line.
    BOOST_TEST(contains(outcome.error, "has ended: ...880 881 "), outcome.error);
    BOOST_TEST(outcome.error.ends_with(" 999 1000 no luck at all\n"), outcome.error);
}

BOOST_AUTO_TEST_CASE(the_end_of_a_long_line_is_told) {
    const Outcome outcome = bench(
        brief("socketserver-bench", {"--against", "broken=sh -c 'printf %09000d 0 >&2; echo ! >&2; exit 3' PORT"}));
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(outcome.error.ends_with("has ended: ..." + std::string(499, '0') + "!\n"), outcome.error);
}

BOOST_AUTO_TEST_CASE(one_that_never_listens_is_given_up) {
    const TemporaryDirectory folder;
    const Outcome outcome = bench(brief(
        "socketserver-bench", {"--against", "deaf=sleep 1000 # PORT", "--patience", "0.3", "--output", folder.path()}));
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(outcome.error.starts_with("socketserver-bench: deaf: 'sleep 1000 # "), outcome.error);
    BOOST_TEST(contains(outcome.error, "' cannot be reached at 127.0.0.1:"), outcome.error);
    BOOST_TEST(outcome.error.ends_with(" after 0.3 s (--patience)\n"), outcome.error);
    BOOST_TEST(std::count(outcome.error.begin(), outcome.error.end(), '\n') == 1);
    BOOST_TEST(outcome.output.empty());
    BOOST_TEST(std::filesystem::is_empty(folder.path()));
}

// Ours, so that its start has all the time that it needs.
BOOST_AUTO_TEST_CASE(one_that_never_answers_is_given_up) {
    const TemporaryDirectory folder;
    const Outcome outcome = bench(brief(
        test_handler(), {"--stall", "1000", "--stalling-line", "1", "--patience", "0.2", "--output", folder.path()}));
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(
        outcome.error.ends_with("\nbench_test_handler: nothing could be measured: selecting: only 0 of 2 clients "
                                "were served: no reply in time\n"),
        outcome.error);
    BOOST_TEST(outcome.output.empty());
    BOOST_TEST(std::filesystem::is_empty(folder.path()));
}

// A pipe that nobody reads takes 64 KiB, and then holds up who prints into it.
BOOST_AUTO_TEST_CASE(one_that_prints_is_not_held_up) {
    const TemporaryDirectory folder;
    const Outcome outcome =
        bench(brief("socketserver-bench", {"--against",
                                           "chatty=sh -c 'head -c 100000 /dev/zero; exec " +
                                               program_path("echo_server") + " --quiet --port PORT'",
                                           "--output", folder.path()}));
    BOOST_TEST(outcome.status == 0);
    const json peer = find(read_json(folder / "results.json"), "chatty", "closed");
    BOOST_TEST(peer.at("requests").get<std::size_t>() > 0U);
    BOOST_TEST(peer.at("errors") == 0);
}

// It answers when it is tried, before all else is measured, and goes when its own turn has come.
BOOST_AUTO_TEST_CASE(one_that_dies_is_left_out) {
    const TemporaryDirectory folder;
    const std::string tried = folder / "tried";
    const Outcome outcome = bench(
        brief(test_handler(), {"--against",
                               "mortal=sh -c 'test -e " + tried + " && set -- --exit-line 2; : >" + tried + "; exec " +
                                   test_handler() + " --as-server-of-a-benchmark 0 --quiet --port PORT \"$@\"' sh",
                               "--output", folder / "report"}));
    BOOST_TEST(outcome.status == 0);
    const std::string reason = "the server has ended: my time has come";
    BOOST_TEST(contains(outcome.output, "left out: mortal, keepalive, 2 connections: " + reason + '\n'),
               outcome.output);
    const json results = read_json(folder / "report/results.json");
    BOOST_TEST(results.at("measurements").size() == 1U);
    BOOST_TEST(results.at("measurements").at(0).at("mode") == "selecting");
    BOOST_REQUIRE(results.at("left_out").size() == 1U);
    BOOST_TEST(results.at("left_out").at(0).at("reason") == reason);
}

BOOST_AUTO_TEST_CASE(where_all_die_there_is_no_report) {
    const TemporaryDirectory folder;
    const Outcome outcome = bench(brief(test_handler(), {"--exit-line", "2", "--output", folder.path()}));
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(outcome.error.ends_with("\nbench_test_handler: nothing could be measured: selecting: the server has "
                                       "ended: my time has come\n"),
               outcome.error);
    BOOST_TEST(outcome.output.empty());
    BOOST_TEST(std::filesystem::is_empty(folder.path()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
