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

const json& find(const json& results, const std::string& mode, const std::string& loop) {
    for (const json& each : results.at("measurements")) {
        if (each.at("mode") == mode && each.at("loop") == loop)
            return each;
    }
    throw std::runtime_error("no measurement of " + mode);
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
                       mode + ' ' + shape);
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
    std::size_t counted = 0;
    std::ifstream file(counts);
    for (std::size_t lines = 0; file >> lines;)
        counted += lines;
    const json results = read_json(folder / "results.json");
    std::size_t made = 0;
    for (const json& each : results.at("measurements")) {
        BOOST_TEST(each.at("errors") == 0);
        // Each client has been served once before.
        made += each.at("requests").get<std::size_t>() +
                each.at("connections").get<std::size_t>() * each.at("depth").get<std::size_t>();
    }
    BOOST_TEST(counted == made);
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

BOOST_AUTO_TEST_CASE(an_outside_server_stands_in_the_same_table) {
    const TemporaryDirectory folder;
    const Outcome outcome =
        bench({"socketserver-bench", "--mode", "selecting", "--shape", "keepalive", "--connections", "2", "--seconds",
               "0.02", "--repeat", "1", "--closed", "--against",
               "a peer=" + program_path("echo_server") + " --quiet --port PORT", "--output", folder.path()});
    BOOST_TEST(outcome.status == 0);
    const json peer = find(read_json(folder / "results.json"), "a peer", "closed");
    BOOST_TEST(peer.at("outside") == true);
    BOOST_TEST(peer.at("requests").get<std::size_t>() > 0U);
    BOOST_TEST(outcome.output.find("a peer") != std::string::npos);
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
