#include <socketserver/os/wakeup.hpp>

#include <socketserver/os/error.hpp>

#include <support/case_guard.hpp>
#include <support/forked.hpp>
#include <support/readable.hpp>
#include <support/rlimit.hpp>

#include <boost/test/unit_test.hpp>

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <thread>

namespace socketserver::test {

namespace {

const Wakeup* signalled = nullptr;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(wakeup, CaseGuard)

BOOST_AUTO_TEST_CASE(is_unreadable_at_first_and_closed_by_exec) {
    const Wakeup wakeup;
    BOOST_TEST(!is_readable(wakeup.fd()));
    BOOST_TEST(is_close_on_exec(wakeup.fd()));
}

BOOST_AUTO_TEST_CASE(stays_readable_until_it_is_cleared) {
    const Wakeup wakeup;
    wakeup.notify();
    wakeup.notify();
    BOOST_TEST(is_readable(wakeup.fd()));
    BOOST_TEST(is_readable(wakeup.fd()));
    wakeup.clear();
    BOOST_TEST(!is_readable(wakeup.fd()));
}

BOOST_AUTO_TEST_CASE(clearing_does_not_wait_if_nobody_has_notified) {
    const Wakeup wakeup;
    wakeup.clear();
    BOOST_TEST(!is_readable(wakeup.fd()));
}

BOOST_AUTO_TEST_CASE(notifying_never_waits_and_leaves_errno_alone) {
    const Wakeup wakeup;
    const std::uint64_t full = UINT64_MAX - 1;
    BOOST_REQUIRE(::write(wakeup.fd(), &full, sizeof full) == sizeof full);
    errno = ENOENT;
    wakeup.notify();
    BOOST_TEST(errno == ENOENT);
    BOOST_TEST(is_readable(wakeup.fd()));
}

BOOST_AUTO_TEST_CASE(wakes_a_thread_that_waits) {
    const Wakeup wakeup;
    std::jthread waiter([&wakeup] {
        pollfd entry{wakeup.fd(), POLLIN, 0};
        while (::poll(&entry, 1, -1) != 1) {
        }
    });
    wakeup.notify();
    waiter.join();
    BOOST_TEST(is_readable(wakeup.fd()));
}

BOOST_AUTO_TEST_CASE(a_forked_child_wakes_its_parent) {
    const Wakeup wakeup;
    const int status = in_child([&wakeup] {
        wakeup.notify();
        return 0;
    });
    BOOST_TEST(status == 0);
    BOOST_TEST(is_readable(wakeup.fd()));
}

BOOST_AUTO_TEST_CASE(a_signal_handler_may_notify) {
    const Wakeup wakeup;
    signalled = &wakeup;
    struct sigaction action {};
    struct sigaction former {};
    action.sa_handler = [](int) { signalled->notify(); };
    ::sigaction(SIGUSR1, &action, &former);
    std::raise(SIGUSR1);
    ::sigaction(SIGUSR1, &former, nullptr);
    BOOST_TEST(is_readable(wakeup.fd()));
}

BOOST_AUTO_TEST_CASE(says_when_there_is_no_descriptor_left) {
    const ScopedRlimit none(RLIMIT_NOFILE, 0);
    BOOST_CHECK_EXCEPTION(Wakeup{}, system_error, [](const auto& e) { return e.code() == system_code(EMFILE); });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
