#include "tool.hpp"

#include "support/case_guard.hpp"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

namespace socketserver::test {

namespace {

const std::vector<std::string> three_runs{"--mode",    "selecting", "--shape",  "keepalive", "--connections", "2",
                                          "--seconds", "0.02",      "--repeat", "3",         "--closed"};

/// A terminal (pty(7)). Owns: its descriptors. Thread: one at a time.
class Terminal {
public:
    explicit Terminal(unsigned short columns) {
        BOOST_REQUIRE(::grantpt(screen_.get()) == 0);
        BOOST_REQUIRE(::unlockpt(screen_.get()) == 0);
        std::array<char, 100> name{};
        BOOST_REQUIRE(::ptsname_r(screen_.get(), name.data(), name.size()) == 0);
        programs_ = detail::ClientSocket(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
        winsize size{};
        size.ws_col = columns;
        BOOST_REQUIRE(::ioctl(programs_.get(), TIOCSWINSZ, &size) == 0);
    }

    /// What a program opens.
    [[nodiscard]] int fd() const noexcept { return programs_.get(); }

    /// All that is shown until no program has it open any more.
    [[nodiscard]] std::string read_all() {
        programs_.close();
        std::string text;
        for (;;) {
            std::array<char, 4096> bytes{};
            const ssize_t count = ::read(screen_.get(), bytes.data(), bytes.size());
            if (count > 0)
                text.append(bytes.data(), static_cast<std::size_t>(count));
            else if (count == 0 || errno == EIO)
                return text;
        }
    }

private:
    detail::ClientSocket screen_{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
    detail::ClientSocket programs_;
};

/// What three runs show on a terminal: the pieces that begin a line anew.
std::vector<std::string> shown(unsigned short columns) {
    Terminal terminal(columns);
    std::vector<std::string> command{"sh", "-c", R"(exec "$0" "$@" 2>&0)", program_path("socketserver-bench")};
    command.insert(command.end(), three_runs.begin(), three_runs.end());
    Program program(command, {.standard_input = terminal.fd()});
    const std::string text = terminal.read_all();
    BOOST_TEST(program.output().find("requests/s") != std::string::npos);
    BOOST_TEST(program.wait() == 0);
    std::vector<std::string> pieces;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find('\r', begin), text.size());
        pieces.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return pieces;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(progress, CaseGuard)

BOOST_AUTO_TEST_CASE(a_terminal_shows_a_bar_with_the_remaining_time) {
    const std::vector<std::string> expected{
        "3 runs, about 1 s",
        "\n",
        "[..............................] 1 s left  selecting, keepalive, 2 connections\x1b[K",
        "[##########....................] 1 s left  selecting, keepalive, 2 connections\x1b[K",
        "[####################..........] 1 s left  selecting, keepalive, 2 connections\x1b[K",
        "\x1b[K",
    };
    constexpr unsigned short wide = 132;
    BOOST_TEST(shown(wide) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_narrow_terminal_shows_a_short_bar) {
    const std::vector<std::string> expected{
        "3 runs, about 1 s",
        "\n",
        "[..........] 1 s left  selectin\x1b[K",
        "[###.......] 1 s left  selectin\x1b[K",
        "[######....] 1 s left  selectin\x1b[K",
        "\x1b[K",
    };
    constexpr unsigned short narrow = 32;
    BOOST_TEST(shown(narrow) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(elsewhere_each_run_has_a_line) {
    std::vector<std::string> command{"socketserver-bench"};
    command.insert(command.end(), three_runs.begin(), three_runs.end());
    const Outcome outcome = bench(command);
    BOOST_TEST(outcome.status == 0);
    BOOST_TEST(outcome.error == "3 runs, about 1 s\n"
                                "[1/3, 1 s left] selecting, keepalive, 2 connections\n"
                                "[2/3, 1 s left] selecting, keepalive, 2 connections\n"
                                "[3/3, 1 s left] selecting, keepalive, 2 connections\n");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
