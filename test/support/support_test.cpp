#include <support/case_guard.hpp>
#include <support/clients.hpp>
#include <support/eventually.hpp>
#include <support/forked.hpp>
#include <support/readable.hpp>
#include <support/rlimit.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <latch>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace socketserver::test {

namespace {

using namespace std::chrono_literals;
using Holdings = CaseGuard::Holdings;

/// Two clients, each at one end of a socketpair(2).
std::pair<Client, Client> client_pair() {
    std::array<int, 2> ends{};
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    return {Client(ends[0]), Client(ends[1])};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(support, CaseGuard)

BOOST_AUTO_TEST_CASE(the_guard_names_a_leaked_descriptor) {
    const Holdings before = Holdings::now();
    const int leaked = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const std::string leaks = CaseGuard::describe_leaks(before, Holdings::now());
    ::close(leaked);
    BOOST_TEST(leaks == "leaks descriptor " + std::to_string(leaked) + " (/dev/null)");
    BOOST_TEST(CaseGuard::describe_leaks(before, Holdings::now()) == "");
}

BOOST_AUTO_TEST_CASE(the_guard_names_a_descriptor_that_was_not_the_cases_own) {
    const int open = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const Holdings before = Holdings::now();
    ::close(open);
    const std::string leaks = CaseGuard::describe_leaks(before, Holdings::now());
    BOOST_TEST(leaks == "closed descriptor " + std::to_string(open) + " (/dev/null) which was not its own");
}

BOOST_AUTO_TEST_CASE(the_guard_sees_a_thread) {
    const Holdings before = Holdings::now();
    std::latch seen{1};
    std::jthread thread([&seen] { seen.wait(); });
    const std::string leaks = CaseGuard::describe_leaks(before, Holdings::now());
    seen.count_down();
    BOOST_TEST(leaks.starts_with("leaks thread "));
}

BOOST_AUTO_TEST_CASE(the_guard_sees_a_child_dead_or_alive) {
    const Holdings before = Holdings::now();
    const pid_t child = ::fork();
    if (child == 0) {
        for (;;)
            ::pause();
    }
    const std::string alive = CaseGuard::describe_leaks(before, Holdings::now());
    BOOST_TEST(alive.ends_with(", running)"));
    ::kill(child, SIGKILL);
    siginfo_t unused{};
    ::waitid(P_PID, static_cast<id_t>(child), &unused, WEXITED | WNOWAIT);
    const std::string dead = CaseGuard::describe_leaks(before, Holdings::now());
    BOOST_TEST(dead.ends_with(", zombie)"));
    ::waitpid(child, nullptr, 0);
    BOOST_TEST(CaseGuard::describe_leaks(before, Holdings::now()) == "");
}

BOOST_AUTO_TEST_CASE(the_guard_ends_a_case_that_hangs_and_names_it) {
    const TemporaryDirectory folder;
    const std::string log = folder / "log";
    const int status = in_child([&log] {
        const rlimit no_core{0, 0};
        ::setrlimit(RLIMIT_CORE, &no_core);
        const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        ::dup2(file, STDERR_FILENO);
        ::setenv("SOCKETSERVER_TEST_TIMEOUT", "1", 1);
        const CaseGuard guard;
        for (;;)
            ::pause();
        return 0;
    });
    BOOST_TEST(status == -SIGABRT);
    std::ifstream file(log);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    BOOST_TEST(text.find("HANGS: test case support/the_guard_ends_a_case_that_hangs_and_names_it") !=
               std::string::npos);
    BOOST_TEST(text.find("thread ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(eventually_gives_up) {
    int calls = 0;
    BOOST_TEST(eventually([&calls] { return ++calls == 3; }));
    BOOST_TEST(!eventually([] { return false; }, 1ms));
}

BOOST_AUTO_TEST_CASE(a_child_that_throws_or_dies_is_told_apart) {
    BOOST_TEST(in_child([] { return 7; }) == 7);
    BOOST_TEST(in_child([]() -> int { throw 1; }) == 100);
    BOOST_TEST(in_child([] {
                   ::kill(::getpid(), SIGKILL);
                   return 0;
               }) == -SIGKILL);
}

BOOST_AUTO_TEST_CASE(a_limit_ends_with_its_scope) {
    rlimit before{};
    rlimit within{};
    rlimit after{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    {
        const ScopedRlimit limit(RLIMIT_NOFILE, 17);
        ::getrlimit(RLIMIT_NOFILE, &within);
    }
    ::getrlimit(RLIMIT_NOFILE, &after);
    BOOST_TEST(within.rlim_cur == 17U);
    BOOST_TEST(after.rlim_cur == before.rlim_cur);
}

BOOST_AUTO_TEST_CASE(a_temporary_directory_goes_with_what_it_holds) {
    std::filesystem::path path;
    {
        const TemporaryDirectory folder;
        path = folder.path();
        std::ofstream(folder / "file") << "x";
        BOOST_TEST(std::filesystem::exists(folder / "file"));
    }
    BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_AUTO_TEST_CASE(a_client_reads_lines_counts_and_the_rest) {
    auto [a, b] = client_pair();
    a.send("one\ntwo\n12345rest");
    BOOST_TEST(b.read_line() == "one\n");
    BOOST_TEST(b.read_line() == "two\n");
    BOOST_TEST(b.read_exactly(5) == "12345");
    a.half_close();
    BOOST_TEST(b.read_all() == "rest");
    BOOST_TEST(b.read_line() == "");
    BOOST_CHECK_THROW((void)b.read_exactly(1), std::runtime_error);
    b.send("back");
    BOOST_TEST(a.read_some() == "back");
    BOOST_TEST(a.nothing_within(5ms));
    b.close();
    BOOST_TEST(!a.nothing_within(5s));
    BOOST_TEST(a.read_some() == "");
    BOOST_CHECK_EXCEPTION(a.send("x"), std::system_error, [](const auto& e) { return e.code().value() == EPIPE; });
}

BOOST_AUTO_TEST_CASE(a_refused_connection_has_its_errno) {
    const TemporaryDirectory folder;
    BOOST_CHECK_EXCEPTION(Client(folder / "nobody"), std::system_error,
                          [](const auto& e) { return e.code().value() == ENOENT; });
    BOOST_CHECK_EXCEPTION(Client("127.0.0.1", 1), std::system_error,
                          [](const auto& e) { return e.code().value() == ECONNREFUSED; });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
