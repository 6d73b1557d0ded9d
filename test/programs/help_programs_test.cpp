/// \file
/// --help and the manual page of every program.

#include "help_text.hpp"
#include "program.hpp"

#include <support/case_guard.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <regex>
#include <string>
#include <vector>

namespace socketserver::test {

namespace {

const std::vector<std::string> clients{"command_client", "fetch", "gopher_client", "time_client"};
const std::vector<std::string> servers{"char_count_server", "chargen_server",  "command_server", "daytime_server",
                                       "discard_server",    "echo_server",     "gopher_server",  "greeting_server",
                                       "http_server",       "rfc_time_server", "time_server",    "time_protocol_server",
                                       "upper_server"};

std::vector<std::string> all_programs() {
    std::vector<std::string> all = servers;
    all.insert(all.end(), clients.begin(), clients.end());
    return all;
}

/// What a program prints on standard output, which is no terminal.
std::string output_of(const std::string& program, const std::string& argument, const std::string& columns = "") {
    std::vector<std::string> command{"env", "-u", "COLUMNS"};
    if (!columns.empty())
        command = {"env", "COLUMNS=" + columns};
    command.insert(command.end(), {program_path(program), argument});
    const Outcome outcome = run(command);
    BOOST_TEST(outcome.status == 0, program << ' ' << argument);
    BOOST_TEST(outcome.error == "", program << ' ' << argument);
    return outcome.output;
}

void check_width(const std::string& text, std::size_t width) {
    for (const std::string& line : lines_of(text)) {
        const std::string words = line.substr(std::min(line.find_first_not_of(' '), line.size()));
        BOOST_TEST((line.size() <= width || words.find(' ') == std::string::npos), line);
    }
}

std::size_t widest_line(const std::string& text) {
    std::size_t widest = 0;
    for (const std::string& line : lines_of(text))
        widest = std::max(widest, line.size());
    return widest;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(help_of_programs, CaseGuard)

BOOST_AUTO_TEST_CASE(help_is_a_dozen_options_in_lines_of_the_width) {
    for (const std::string& program : all_programs()) {
        BOOST_TEST_CONTEXT(program) {
            const std::string help = output_of(program, "--help");
            BOOST_TEST(help.starts_with("usage: " + program + " [OPTION]..."));
            BOOST_TEST(options_of(help).size() <= 12U);
            BOOST_TEST(help.find("\nExamples:\n") != std::string::npos);
            check_width(help, 80);
            check_width(output_of(program, "--help=all"), 80);
            check_width(output_of(program, "--help", "20"), 20);
            check_width(output_of(program, "--help=all", "45"), 45);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_manual_page_has_every_option) {
    for (const std::string& program : all_programs()) {
        BOOST_TEST_CONTEXT(program) {
            const std::string page = output_of(program, "--help=man");
            std::string title = program;
            std::transform(title.begin(), title.end(), title.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
            BOOST_TEST(page.starts_with(".TH \"" + title + "\" 1 "));
            for (const std::string section :
                 {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"})
                BOOST_TEST(page.find("\n.SH " + section + '\n') != std::string::npos, section);
            const std::vector<std::string> options = options_of(output_of(program, "--help=all"));
            BOOST_TEST(options.size() >= 2U);
            for (const std::string& option : options)
                BOOST_TEST(page.find("\n\\fB\\-\\-" + std::regex_replace(option, std::regex("-"), "\\-") + "\\fR") !=
                               std::string::npos,
                           option);
        }
    }
}

BOOST_AUTO_TEST_CASE(help_on_something_else_is_refused) {
    for (const std::string& program : all_programs()) {
        const Outcome outcome = run({program, "--help=everything"});
        BOOST_TEST(outcome.status == 2, program);
        BOOST_TEST(outcome.output == "", program);
        BOOST_TEST(outcome.error.starts_with(program + ": --help: 'everything' is not one of all, man"), program);
    }
}

BOOST_AUTO_TEST_CASE(lines_are_as_wide_as_the_terminal) {
    for (const unsigned short width : {std::uint16_t{40}, std::uint16_t{80}, std::uint16_t{130}}) {
        detail::ClientSocket master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
        BOOST_REQUIRE(master.get() >= 0);
        BOOST_REQUIRE(::grantpt(master.get()) == 0);
        BOOST_REQUIRE(::unlockpt(master.get()) == 0);
        detail::ClientSocket terminal(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
        BOOST_REQUIRE(terminal.get() >= 0);
        const winsize size{50, width, 0, 0};
        BOOST_REQUIRE(::ioctl(terminal.get(), TIOCSWINSZ, &size) == 0);
        termios modes{};
        BOOST_REQUIRE(::tcgetattr(terminal.get(), &modes) == 0);
        modes.c_oflag &= ~static_cast<tcflag_t>(OPOST);
        BOOST_REQUIRE(::tcsetattr(terminal.get(), TCSANOW, &modes) == 0);
        Program program(
            {"env", "-u", "COLUMNS", "sh", "-c", "exec \"$0\" --help=modes >&3", program_path("time_server")},
            {.three = terminal.get()});
        terminal.close();
        std::string text;
        char piece[4096];
        // At the end there is an error: nobody has the terminal open any more (EIO).
        for (ssize_t count = 0; (count = ::read(master.get(), piece, sizeof piece)) > 0;)
            text.append(piece, static_cast<std::size_t>(count));
        BOOST_TEST(program.wait() == 0);
        BOOST_TEST(widest_line(text) <= width);
        // "preforking with --inner threading or selecting" is longer than a line has room at the end.
        BOOST_TEST(widest_line(text) > width - 30U, text);
    }
}

BOOST_AUTO_TEST_CASE(columns_count_for_more_than_the_output_and_only_if_they_are_a_number) {
    const std::string usual = output_of("time_server", "--help");
    BOOST_TEST(widest_line(usual) <= 80U);
    for (const std::string columns : {"0", "-1", "x", "20x", "99999999999999999999999"})
        BOOST_TEST(output_of("time_server", "--help", columns) == usual, columns);
    const std::string wide = output_of("time_server", "--help=all", "150");
    check_width(wide, 150);
    BOOST_TEST(widest_line(wide) > 80U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
