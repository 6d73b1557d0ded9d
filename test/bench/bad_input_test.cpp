#include "tool.hpp"

#include "support/case_guard.hpp"
#include "support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

namespace socketserver::test {

namespace {

/// The last line, which is all but for what tells of progress.
std::string complaint(const std::string& error) {
    const auto begin = error.rfind('\n', error.size() - 2);
    return begin == std::string::npos ? error : error.substr(begin + 1);
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bad_input, CaseGuard)

BOOST_AUTO_TEST_CASE(output_that_cannot_be_written_exits_1) {
    for (const std::string option : {"--help", "--version"}) {
        const Outcome outcome =
            bench({"sh", "-c", R"(exec "$0" "$@" >/dev/full)", program_path("socketserver-bench"), option});
        BOOST_TEST(outcome.status == 1);
        BOOST_TEST(outcome.error == "socketserver-bench: cannot write standard output: No space left on device\n");
    }
}

BOOST_AUTO_TEST_CASE(command_lines_that_mean_nothing_get_one_line) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
        {{"--mode", "lightning"}, "--mode: 'lightning' is not one of blocking, forking"},
        {{"--mode", "selecting,selecting"}, "'selecting' is given twice"},
        {{"--shape", "square"}, "--shape: 'square' is not one of keepalive"},
        {{"--shape", "udp,udp"}, "--shape: 'udp' is given twice"},
        {{"--connections", "ten"}, "--connections: 'ten' is not a whole number"},
        {{"--connections", "0"}, "--connections: '0' is not a whole number"},
        {{"--repeat", "0"}, "--repeat: '0' is not a whole number"},
        {{"--against", "server PORT"}, "is not NAME=COMMAND"},
        {{"--against", "peer=server"}, "does not say PORT"},
        {{"--rate", "5", "--closed"}, "--rate cannot be used with --closed"},
        {{"--rate", "5", "--shape", "idle"}, "--rate needs connections that send requests: add keepalive"},
        {{"--handler", "nothing"}, "--handler: 'nothing' is not one of echo, time"},
        {{"--seconds", "0"}, "--seconds: '0' is not more than 0"},
        {{"--server-processors", "1000"}, "processor 1000 is not there"},
        {{"--client-processors", some_processors().front() + ',' + some_processors().front()}, "is given twice"},
        {{"--help=bogus"}, "--help: 'bogus' is not one of all, man"},
        {{"--bogus"}, "unrecognised option '--bogus'"},
        {{"--%canonical_option%"}, "unrecognised option '--%canonical_option%'"},
        {{"--mode", "selecting", "--mode", "forking"}, "option '--mode' is given twice"},
        {{"surplus"}, "unexpected argument 'surplus'"},
        {{"diff", "one"}, "diff takes two files"},
    };
    for (const auto& [arguments, message] : cases) {
        std::vector<std::string> command{"socketserver-bench"};
        command.insert(command.end(), arguments.begin(), arguments.end());
        const Outcome outcome = bench(command);
        BOOST_TEST(outcome.status == 2, message);
        BOOST_TEST(outcome.output.empty(), message);
        BOOST_TEST(contains(outcome.error, message), outcome.error);
        BOOST_TEST(std::count(outcome.error.begin(), outcome.error.end(), '\n') == 1, outcome.error);
    }
}

BOOST_AUTO_TEST_CASE(a_wrong_reply_ends_the_benchmark_without_a_report) {
    const TemporaryDirectory folder;
    const Outcome outcome =
        bench({test_handler(), "--mode", "selecting,threading", "--shape", "keepalive", "--connections", "2",
               "--seconds", "0.05", "--repeat", "1", "--wrong-line", "2", "--output", folder.path()});
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(
        contains(complaint(outcome.error), "bench_test_handler: selecting, keepalive, 2 connections: not right"));
    BOOST_TEST(contains(complaint(outcome.error), "is 'wrong?'"));
    BOOST_TEST(std::filesystem::is_empty(folder.path()));
}

BOOST_AUTO_TEST_CASE(too_few_descriptors_are_found_out_first) {
    const Outcome outcome = bench({"sh", "-c", "ulimit -n 200 && exec \"$0\" --connections 10,1000 --mode selecting",
                                   program_path("socketserver-bench")});
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(
        outcome.error ==
        "socketserver-bench: 1000 connections need 1064 descriptors, and the limit is 200: raise it (ulimit -Hn) or "
        "ask for fewer --connections\n");
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be_written_is_found_out_first) {
    const Outcome outcome = bench({"socketserver-bench", "--output", "/dev/null/report"});
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(contains(outcome.error, "/dev/null/report"));
    BOOST_TEST(std::count(outcome.error.begin(), outcome.error.end(), '\n') == 1, outcome.error);
}

BOOST_AUTO_TEST_CASE(a_file_is_no_folder) {
    const TemporaryDirectory folder;
    const std::string file = folder / "file";
    std::ofstream(file) << "mine";
    const Outcome outcome = bench({"socketserver-bench", "--output", file});
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(contains(outcome.error, file), outcome.error);
    BOOST_TEST(contains(outcome.error, "Not a directory"), outcome.error);
}

BOOST_AUTO_TEST_CASE(help_names_every_option) {
    const std::vector<std::string> most_used{"--handler", "--mode",   "--shape",   "--connections",
                                             "--against", "--output", "--quick",   "--repeat",
                                             "--rate",    "--closed", "--seconds", "--help"};
    const std::vector<std::string> others{"--depth", "--patience", "--server-processors", "--client-processors",
                                          "--version"};
    const Outcome help = bench({"socketserver-bench", "--help"});
    const Outcome all = bench({"socketserver-bench", "--help=all"});
    const Outcome page = bench({"socketserver-bench", "--help=man"});
    for (const Outcome& outcome : {help, all, page})
        BOOST_TEST(outcome.status == 0);
    for (const std::string& option : most_used) {
        BOOST_TEST(contains(help.output, "\n  " + option), option);
        BOOST_TEST(contains(all.output, "\n  " + option), option);
        BOOST_TEST(contains(page.output, "\n\\fB" + std::regex_replace(option, std::regex("-"), "\\-")), option);
    }
    for (const std::string& option : others) {
        BOOST_TEST(!contains(help.output, "\n  " + option), option);
        BOOST_TEST(contains(all.output, "\n  " + option), option);
        BOOST_TEST(contains(page.output, "\n\\fB" + std::regex_replace(option, std::regex("-"), "\\-")), option);
    }
    BOOST_TEST(contains(help.output, "diff A.json B.json"));
    // A program's own options come first.
    const Outcome own = bench({test_handler(), "--help"});
    BOOST_TEST(own.output.find("--wrong-line") < own.output.find("--mode"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
