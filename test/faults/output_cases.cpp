// Scenarios 49 to 51: output that cannot be written, and output that a fork finds unwritten.

#include "fault_case.hpp"
#include "fault_server.hpp"
#include "plain_server.hpp"

#include <boost/test/unit_test.hpp>

#include <signal.h>

#include <sstream>
#include <string>

namespace socketserver::test {

namespace {

/// How often a line stands in a text.
long count_of(const std::string& wanted, const std::string& text) {
    std::istringstream lines(text);
    long count = 0;
    for (std::string line; std::getline(lines, line);)
        count += line == wanted ? 1 : 0;
    return count;
}

/// Has a server log more than its log holds.
/// \return how many lines it counts as lost
long lines_lost(const ShellServer& server) {
    for (int i = 0; i < 100; ++i)
        BOOST_TEST_REQUIRE(server.ask("throw") == "");
    return std::stol(server.ask("lost"));
}

/// What all servers do whose log cannot be written: the project's and a user's.
void check_goes_on(const FaultMode& mode, const std::string& setting) {
    ShellServer plain = ShellServer::plain(mode, setting);
    BOOST_TEST(lines_lost(plain) > 0);
    BOOST_TEST(plain.contents("log").size() <= 1024U);
    BOOST_TEST(plain.ask("stop") == "stop\n");
    BOOST_TEST(plain.process().wait() == 0);
    ShellServer program = ShellServer::program(mode, setting);
    BOOST_TEST(lines_lost(program) > 0);
    BOOST_TEST(program.contents("log").size() <= 1024U);
    program.process().signal(SIGTERM);
    BOOST_TEST(program.process().wait() == 0);
}

void check_comes_out_once(const FaultMode& mode, const std::string& arguments) {
    ShellServer server = ShellServer::plain(mode, "exec \"$@\" " + arguments + " >output");
    for (int i = 0; i < 5; ++i)
        BOOST_TEST(server.ask("print " + std::to_string(i)) == "print " + std::to_string(i) + '\n');
    BOOST_TEST(server.ask("stop") == "stop\n");
    BOOST_TEST(server.process().wait() == 0);
    const std::string output = server.contents("output");
    for (const std::string line : {"before", "bound", "after"})
        BOOST_TEST(count_of(line, output) == 1, line);
    for (int i = 0; i < 5; ++i) {
        BOOST_TEST(count_of("cout " + std::to_string(i), output) == 1);
        BOOST_TEST(count_of("printf " + std::to_string(i), output) == 1);
    }
    const std::string records = server.contents("records");
    BOOST_TEST(count_of("before", records) == 1);
    for (int i = 0; i < 5; ++i)
        BOOST_TEST(count_of("record " + std::to_string(i), records) == 1);
}

}  // namespace

FAULT_CASE(49, a_log_at_its_limit_does_not_end_a_server, every_mode) {
    check_goes_on(mode, R"(ulimit -f 1; exec "$@" 2>log)");
    check_goes_on(mode, R"(exec "$@" 2>/dev/full)");
    return "a log at RLIMIT_FSIZE, and /dev/full: 200 clients each, log_lines_lost counts";
}

FAULT_CASE(50, a_log_that_nobody_reads_does_not_end_a_server, every_mode) {
    // The reader is gone before the server begins.
    check_goes_on(mode, R"(mkfifo pipe; { :; } <pipe & exec 9>pipe; wait $!; exec "$@" 2>&9 9>&-)");
    return "a pipe without a reader: 200 clients, log_lines_lost counts";
}

FAULT_CASE(51, what_is_printed_comes_out_once, every_mode) {
    for (const std::string arguments : {"records", "records unsynced"})
        check_comes_out_once(mode, arguments);
    return "lines printed before, during and after, unflushed, by std::cout, printf() and to a file: each once";
}
}  // namespace socketserver::test
