#include "tool.hpp"

#include "support/case_guard.hpp"
#include "support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace socketserver::test {

namespace {

using nlohmann::json;

/// How many lines the servers have counted.
std::size_t lines_in(const std::filesystem::path& counts) {
    std::size_t counted = 0;
    std::ifstream file(counts);
    for (std::size_t lines = 0; file >> lines;)
        counted += lines;
    return counted;
}

/// As the command line takes them.
std::string list(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : ",") + word;
    return text;
}

/// How many requests the clients have made.
std::size_t requests_in(const json& results) {
    std::size_t made = 0;
    for (const json& each : results.at("measurements")) {
        BOOST_TEST(each.at("errors") == 0);
        BOOST_TEST(each.at("first_error").is_null());
        // Each client has been served once before.
        made += each.at("requests").get<std::size_t>() +
                each.at("connections").get<std::size_t>() * each.at("depth").get<std::size_t>();
    }
    return made;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(measuring, CaseGuard)

BOOST_AUTO_TEST_CASE(measures_every_mode_and_shape) {
    const TemporaryDirectory folder;
    const Outcome outcome = bench({"socketserver-bench", "--connections", "2", "--seconds", "0.02", "--repeat", "1",
                                   "--closed", "--output", folder.path()});
    BOOST_TEST(outcome.status == 0);
    const json results = read_json(folder / "results.json");
    BOOST_TEST(results.at("format") == "socketserver-bench");
    BOOST_TEST(results.at("version") == 1);
    BOOST_TEST(results.at("complete") == true);
    std::set<std::string> measured;
    for (const json& each : results.at("measurements")) {
        const auto name = each.at("mode").get<std::string>() + ' ' + each.at("shape").get<std::string>();
        measured.insert(name);
        BOOST_TEST(each.at("requests").get<std::size_t>() > 0U, name);
        BOOST_TEST(each.at("repetitions") == 1, name);
        if (each.at("shape") == "idle")
            continue;
        BOOST_TEST(each.at("rate").at("median").get<double>() > 0, name);
        BOOST_TEST(each.at("cpu_us_per_request").at("median").get<double>() > 0, name);
        double before = -1;
        double faster = 0;
        for (const json& point : each.at("latency_points")) {
            BOOST_TEST(point.at(0).get<double>() > before, name);
            BOOST_TEST(point.at(1).get<double>() >= faster, name);
            before = point.at(0);
            faster = point.at(1);
        }
        BOOST_TEST(before == 100, name);
        BOOST_TEST(outcome.output.find(each.at("mode").get<std::string>()) != std::string::npos);
    }
    for (const std::string& mode : modes) {
        for (const std::string& shape : std::vector<std::string>{"keepalive", "pipelined", "connect", "udp", "idle"})
            BOOST_TEST(measured.contains(mode + ' ' + shape) == (mode != "blocking" || shape != "idle"),
                       mode + ' ' + shape + '\n' + outcome.output);
    }
    BOOST_TEST(std::filesystem::exists(folder / "report.html"));
    BOOST_TEST(!std::filesystem::exists(folder / "results.json.unfinished"));
}

BOOST_AUTO_TEST_CASE(makes_as_many_requests_as_the_servers_count) {
    const TemporaryDirectory folder;
    const auto counts = folder / "counts";
    const Outcome outcome =
        bench({test_handler(), "--shape", "keepalive,pipelined", "--mode",
               "forking,preforking,selecting,thread-pool,threading", "--connections", "3", "--depth", "4", "--seconds",
               "0.05", "--repeat", "1", "--closed", "--count-file", counts, "--output", folder.path()});
    BOOST_TEST(outcome.status == 0);
    BOOST_TEST(lines_in(counts) == requests_in(read_json(folder / "results.json")));
}

// Two threads of clients, on two processors where there are so many; the servers run on the first.
BOOST_AUTO_TEST_CASE(several_processors_share_the_clients) {
    const TemporaryDirectory folder;
    const auto counts = folder / "counts";
    const Outcome outcome = bench({test_handler(),
                                   "--client-processors",
                                   list(some_processors()),
                                   "--shape",
                                   "keepalive,pipelined,connect",
                                   "--mode",
                                   "selecting,threading",
                                   "--connections",
                                   "5",
                                   "--depth",
                                   "3",
                                   "--seconds",
                                   "0.05",
                                   "--repeat",
                                   "1",
                                   "--closed",
                                   "--count-file",
                                   counts,
                                   "--output",
                                   folder.path()});
    BOOST_TEST(outcome.status == 0);
    const json results = read_json(folder / "results.json");
    BOOST_TEST(results.at("settings").at("client_processors").size() == some_processors().size());
    BOOST_TEST(lines_in(counts) == requests_in(results));
    BOOST_TEST(outcome.output.find("Servers and clients share a processor") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(several_processors_share_the_rate) {
    const TemporaryDirectory folder;
    const Outcome outcome = bench({"socketserver-bench", "--client-processors", list(some_processors()), "--mode",
                                   "selecting", "--shape", "keepalive", "--connections", "5", "--seconds", "0.5",
                                   "--repeat", "1", "--rate", "400", "--output", folder.path()});
    BOOST_TEST(outcome.status == 0);
    const json open = find(read_json(folder / "results.json"), "selecting", "open");
    BOOST_TEST(open.at("requests").get<std::size_t>() + open.at("errors").get<std::size_t>() == 200U);
}

BOOST_AUTO_TEST_CASE(waiting_for_replies_that_never_come_lowers_no_rate) {
    const TemporaryDirectory folder;
    const Outcome outcome =
        bench({test_handler(), "--mode", "threading",       "--shape", "keepalive", "--connections", "2",
               "--seconds",    "0.1",    "--repeat",        "1",       "--closed",  "--patience",    "2",
               "--stall",      "3",      "--stalling-line", "3",       "--output",  folder.path()});
    BOOST_TEST(outcome.status == 0);
    const json closed = find(read_json(folder / "results.json"), "threading", "closed");
    // Each has had one reply before, and then one more.
    BOOST_TEST(closed.at("requests") == 2);
    BOOST_TEST(closed.at("errors") == 2);
    BOOST_TEST(closed.at("first_error") == "no reply in time");
    const double elapsed = 2 / closed.at("rate").at("median").get<double>();
    const double slowest = closed.at("latency").at("max_us").at("median").get<double>() / 1e6;
    BOOST_TEST(elapsed >= 0.1);
    BOOST_TEST(elapsed < 0.1 + slowest + 1);
}

// A server that stalls keeps the client of a closed loop from asking: of all its requests one is late. In an open loop the server
// is charged for all that were due meanwhile, here half of them.
BOOST_AUTO_TEST_CASE(an_open_loop_sees_a_stall_that_a_closed_one_does_not) {
    const TemporaryDirectory folder;
    const Outcome outcome =
        bench({test_handler(), "--mode", "threading", "--shape", "keepalive", "--connections", "1", "--seconds", "2",
               "--repeat", "1", "--rate", "200", "--stall", "1", "--stalling-line", "30", "--output", folder.path()});
    BOOST_TEST(outcome.status == 0);
    const json results = read_json(folder / "results.json");
    const auto latency = [&](const char* loop, const char* percentile) {
        return find(results, "threading", loop).at("latency").at(percentile).at("median").get<double>();
    };
    constexpr double half_of_the_stall = 500'000;
    BOOST_TEST(latency("closed", "p90_us") < half_of_the_stall);
    BOOST_TEST(latency("closed", "max_us") > half_of_the_stall);
    BOOST_TEST(latency("open", "p90_us") > half_of_the_stall);
    BOOST_TEST(latency("open", "p99_us") > half_of_the_stall);
}

BOOST_AUTO_TEST_CASE(an_open_loop_makes_the_requests_that_were_due) {
    const TemporaryDirectory folder;
    const Outcome outcome =
        bench({"socketserver-bench", "--mode", "selecting", "--shape", "keepalive", "--connections", "4", "--seconds",
               "0.5", "--repeat", "1", "--rate", "400", "--output", folder.path()});
    BOOST_TEST(outcome.status == 0);
    const json open = find(read_json(folder / "results.json"), "selecting", "open");
    BOOST_TEST(open.at("requests").get<std::size_t>() + open.at("errors").get<std::size_t>() == 200U);
    BOOST_TEST(open.at("target_rate") == 400);
}

BOOST_AUTO_TEST_CASE(datagrams_are_served_without_options_that_mean_nothing_to_them) {
    const TemporaryDirectory folder;
    const Outcome outcome =
        bench({test_handler(), "--mode", "selecting", "--shape", "keepalive,udp", "--connections", "2", "--seconds",
               "0.05", "--repeat", "1", "--closed", "--stalling-line", "1000", "--output", folder.path()});
    BOOST_TEST(outcome.status == 0);
    const json results = read_json(folder / "results.json");
    BOOST_TEST(results.at("left_out").empty(), outcome.output);
    BOOST_TEST(results.at("measurements").size() == 2U);
}

// A pipe that nobody reads takes 64 KiB, and then holds up who prints into it.
BOOST_AUTO_TEST_CASE(a_handler_that_prints_is_not_held_up) {
    const TemporaryDirectory folder;
    const Outcome outcome =
        bench({test_handler(), "--mode", "forking,selecting", "--shape", "keepalive", "--connections", "2", "--seconds",
               "0.05", "--repeat", "1", "--closed", "--print", "100000", "--output", folder.path()});
    BOOST_TEST(outcome.status == 0);
    const json results = read_json(folder / "results.json");
    BOOST_TEST(results.at("measurements").size() == 2U);
    for (const json& each : results.at("measurements")) {
        BOOST_TEST(each.at("requests").get<std::size_t>() > 0U);
        BOOST_TEST(each.at("errors") == 0);
    }
}

BOOST_AUTO_TEST_CASE(counts_the_processors_that_it_may_use) {
    const TemporaryDirectory folder;
    const Outcome outcome =
        bench({"taskset", "-c", some_processors().front(), program_path("socketserver-bench"), "--mode", "selecting",
               "--shape", "idle", "--connections", "1", "--repeat", "1", "--output", folder.path()});
    BOOST_TEST(outcome.status == 0);
    BOOST_TEST(read_json(folder / "results.json").at("machine").at("processors") == 1);
}

BOOST_AUTO_TEST_CASE(an_interrupt_keeps_what_was_measured) {
    const TemporaryDirectory folder;
    Program program({"socketserver-bench", "--mode", "selecting", "--shape", "keepalive", "--connections", "2",
                     "--seconds", "0.02", "--repeat", "1000", "--closed", "--output", folder.path()});
    std::string line;
    while (!line.starts_with("[3/1000,")) {
        line = program.error_line();
        BOOST_REQUIRE(!line.empty());
    }
    program.signal(SIGINT);
    while (!program.error_line().empty()) {
    }
    const std::string output = program.output();
    BOOST_TEST(program.wait() == 130);
    BOOST_TEST(output.find("selecting") != std::string::npos);
    const json results = read_json(folder / "results.json");
    BOOST_TEST(results.at("complete") == false);
    BOOST_TEST(find(results, "selecting", "closed").at("repetitions").get<std::size_t>() >= 2U);
    BOOST_TEST(std::filesystem::exists(folder / "report.html"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
