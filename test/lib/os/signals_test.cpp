#include <socketserver/os/signals.hpp>

#include <support/case_guard.hpp>
#include <support/forked.hpp>
#include <support/readable.hpp>

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <optional>
#include <thread>

namespace socketserver::test {

namespace {

/// Whether the calling thread blocks a signal.
bool is_blocked(int signal) {
    sigset_t mask;
    sigemptyset(&mask);
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    return sigismember(&mask, signal) == 1;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(signals, CaseGuard)

BOOST_AUTO_TEST_CASE(blocks_signals_until_the_scope_ends) {
    {
        const ScopedSignalBlock block({SIGUSR1, SIGUSR2});
        BOOST_TEST(is_blocked(SIGUSR1));
        BOOST_TEST(is_blocked(SIGUSR2));
        BOOST_TEST(!is_blocked(SIGTERM));
    }
    BOOST_TEST(!is_blocked(SIGUSR1));
    BOOST_TEST(!is_blocked(SIGUSR2));
}

BOOST_AUTO_TEST_CASE(a_nested_block_leaves_the_outer_one) {
    const ScopedSignalBlock outer({SIGUSR1});
    { const ScopedSignalBlock inner({SIGUSR1, SIGUSR2}); }
    BOOST_TEST(is_blocked(SIGUSR1));
    BOOST_TEST(!is_blocked(SIGUSR2));
}

BOOST_AUTO_TEST_CASE(a_thread_inherits_the_block) {
    const ScopedSignalBlock block({SIGUSR1});
    bool inherited = false;
    std::jthread([&inherited] { inherited = is_blocked(SIGUSR1); }).join();
    BOOST_TEST(inherited);
}

BOOST_AUTO_TEST_CASE(signals_are_taken_from_the_descriptor) {
    const SignalFd signals({SIGUSR1, SIGUSR2});
    BOOST_TEST(is_close_on_exec(signals.fd()));
    BOOST_TEST(!is_readable(signals.fd()));
    BOOST_CHECK(signals.take() == std::nullopt);
    std::raise(SIGUSR2);
    BOOST_TEST(is_readable(signals.fd()));
    BOOST_CHECK(signals.take() == SIGUSR2);
    BOOST_CHECK(signals.take() == std::nullopt);
    BOOST_TEST(!is_readable(signals.fd()));
}

BOOST_AUTO_TEST_CASE(each_pending_signal_is_taken_once) {
    const SignalFd signals({SIGUSR1, SIGUSR2});
    std::raise(SIGUSR1);
    std::raise(SIGUSR2);
    std::raise(SIGUSR1);
    BOOST_CHECK(signals.take() == SIGUSR1);
    BOOST_CHECK(signals.take() == SIGUSR2);
    BOOST_CHECK(signals.take() == std::nullopt);
}

BOOST_AUTO_TEST_CASE(other_signals_are_not_taken) {
    const ScopedSignalBlock block({SIGUSR2});
    const SignalFd signals({SIGUSR1});
    std::raise(SIGUSR2);
    BOOST_CHECK(signals.take() == std::nullopt);
    const SignalFd rest({SIGUSR2});
    BOOST_CHECK(rest.take() == SIGUSR2);
}

BOOST_AUTO_TEST_CASE(a_signal_that_nobody_took_acts_when_the_scope_ends) {
    const int status = in_child([] {
        {
            const SignalFd signals({SIGUSR1});
            std::raise(SIGUSR1);
        }
        return 0;
    });
    BOOST_TEST(status == -SIGUSR1);
}

BOOST_AUTO_TEST_CASE(a_signal_that_is_ignored_stays_so) {
    const int status = in_child([] {
        std::signal(SIGUSR1, SIG_IGN);
        const SignalFd signals({SIGUSR1, SIGUSR2});
        std::raise(SIGUSR1);
        std::raise(SIGUSR2);
        const bool only_the_other = signals.take() == SIGUSR2 && signals.take() == std::nullopt;
        return only_the_other && !is_blocked(SIGUSR1) && is_ignored(SIGUSR1) ? 0 : 1;
    });
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(children_are_kept_and_the_handler_stays) {
    const int status = in_child([] {
        struct sigaction action {};
        action.sa_handler = [](int) {};
        action.sa_flags = SA_NOCLDWAIT | SA_RESTART;
        ::sigaction(SIGCHLD, &action, nullptr);
        keep_ended_children();
        struct sigaction now {};
        ::sigaction(SIGCHLD, nullptr, &now);
        return now.sa_handler == action.sa_handler && (now.sa_flags & SA_NOCLDWAIT) == 0 &&
                       (now.sa_flags & SA_RESTART) != 0
                   ? 0
                   : 1;
    });
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
