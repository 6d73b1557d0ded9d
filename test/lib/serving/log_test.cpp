#include <socketserver/serving/log.hpp>

#include <socketserver/os/error.hpp>

#include <support/case_guard.hpp>
#include <support/forked.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

namespace socketserver::test {

namespace {

/// The errno with which a logger fails in a child that has prepared its standard error; 0 if it writes.
int failure_of(const std::function<void()>& prepare) {
    return in_child([&prepare] {
        std::signal(SIGPIPE, SIG_DFL);
        std::signal(SIGXFSZ, SIG_DFL);
        prepare();
        const Logger log = stderr_logger();
        try {
            log(Severity::error, "a line of some length");
        } catch (const system_error& failure) {
            return failure.code().value();
        }
        return 0;
    });
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(log, CaseGuard)

BOOST_AUTO_TEST_CASE(a_reader_that_has_gone_is_an_error_and_no_signal) {
    BOOST_TEST(failure_of([] {
                   std::array<int, 2> ends{};
                   if (::pipe(ends.data()) == 0)
                       ::dup2(ends[1], STDERR_FILENO);
                   ::close(ends[0]);
               }) == EPIPE);
}

BOOST_AUTO_TEST_CASE(a_file_at_its_limit_is_an_error_and_no_signal) {
    const TemporaryDirectory folder;
    const std::string path = folder / "log";
    BOOST_TEST(failure_of([&path] {
                   const rlimit ten_bytes{10, 10};
                   ::setrlimit(RLIMIT_FSIZE, &ten_bytes);
                   ::dup2(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), STDERR_FILENO);
               }) == EFBIG);
    std::ifstream file(path);
    BOOST_TEST(std::string(std::istreambuf_iterator<char>(file), {}) == "a line of ");
}

BOOST_AUTO_TEST_CASE(a_file_at_its_limit_is_no_signal_where_only_another_one_is_ignored) {
    const TemporaryDirectory folder;
    const std::string path = folder / "log";
    BOOST_TEST(failure_of([&path] {
                   std::signal(SIGPIPE, SIG_IGN);
                   const rlimit nothing{0, 0};
                   ::setrlimit(RLIMIT_FSIZE, &nothing);
                   ::dup2(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), STDERR_FILENO);
               }) == EFBIG);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_an_error) {
    BOOST_TEST(failure_of([] { ::dup2(::open("/dev/full", O_WRONLY | O_CLOEXEC), STDERR_FILENO); }) == ENOSPC);
}

BOOST_AUTO_TEST_CASE(without_standard_error_it_writes_to_no_file_that_takes_its_place) {
    const TemporaryDirectory folder;
    const std::string path = folder / "data";
    const auto create = [&path](int flags) { ::open(path.c_str(), O_WRONLY | O_CREAT | flags, 0600); };
    const auto open_instead = [&] {
        ::close(STDERR_FILENO);
        create(O_CLOEXEC);
    };
    BOOST_TEST(failure_of(open_instead) == EBADF);
    const int later = in_child([&] {
        ::close(STDERR_FILENO);
        const Logger log = stderr_logger();
        create(0);  // as std::ofstream does
        try {
            log(Severity::error, "a line");
        } catch (const system_error&) {
            return 0;
        }
        return 1;
    });
    BOOST_TEST(later == 0);
    std::ifstream file(path);
    BOOST_TEST(std::string(std::istreambuf_iterator<char>(file), {}) == "");
}

BOOST_AUTO_TEST_CASE(signals_that_were_pending_before_stay_so) {
    const int status = in_child([] {
        sigset_t pipe;
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
        std::raise(SIGPIPE);
        ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        stderr_logger()(Severity::error, "a line");
        sigset_t pending;
        sigpending(&pending);
        return sigismember(&pending, SIGPIPE) == 1 ? 0 : 1;
    });
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
