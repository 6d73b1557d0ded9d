#include "support/case_guard.hpp"
#include "support/eventually.hpp"
#include "support/forked.hpp"
#include "support/readable.hpp"

#include <socketserver/detail/forked_children.hpp>
#include <socketserver/os/wakeup.hpp>
#include <socketserver/serving/request_handler.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <vector>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace socketserver::test {

using ::socketserver::detail::EndedChild;
using ::socketserver::detail::ForkedChildren;
using namespace std::chrono_literals;

namespace {

/// Waits for all, as a closing server does.
std::vector<EndedChild> collect_all(ForkedChildren& children) {
    std::vector<EndedChild> all;
    while (children.size() > 0) {
        for (EndedChild& ended : children.collect())
            all.push_back(std::move(ended));
        if (children.size() > 0)
            BOOST_TEST_REQUIRE(children.wait_for_end(Deadline::after(10s)));
    }
    return all;
}

/// What a child does that must not end by itself.
int wait_forever() {
    for (;;)
        ::pause();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(forked_children, CaseGuard)

BOOST_AUTO_TEST_CASE(tells_how_each_child_ended_and_what_it_served) {
    ForkedChildren children;
    children.start("one", [] { return 7; });
    const auto ended = collect_all(children);
    BOOST_TEST_REQUIRE(ended.size() == 1U);
    BOOST_TEST(WEXITSTATUS(ended[0].status) == 7);
    BOOST_TEST(!ended[0].succeeded());
    BOOST_TEST(ended[0].signal() == 0);
    BOOST_TEST(ended[0].serving == "one");
}

BOOST_AUTO_TEST_CASE(an_exception_that_ends_the_program_makes_status_one) {
    ForkedChildren children;
    children.start("one", []() -> int { throw SystemExit{7}; });
    const auto ended = collect_all(children);
    BOOST_TEST_REQUIRE(ended.size() == 1U);
    BOOST_TEST(WIFEXITED(ended[0].status));
    BOOST_TEST(WEXITSTATUS(ended[0].status) == 1);
}

BOOST_AUTO_TEST_CASE(tells_the_signal_that_killed_a_child) {
    ForkedChildren children;
    children.start("one", wait_forever);
    children.signal_all(SIGKILL);
    const auto ended = collect_all(children);
    BOOST_TEST_REQUIRE(ended.size() == 1U);
    BOOST_TEST(ended[0].signal() == SIGKILL);
}

BOOST_AUTO_TEST_CASE(tells_how_a_child_ended_although_sigchld_is_ignored) {
    const int status = in_child([] {
        ForkedChildren children;
        // After the constructor, too: a program may do it at any time.
        std::signal(SIGCHLD, SIG_IGN);
        children.start("one", wait_forever);
        children.signal_all(SIGKILL);
        std::vector<EndedChild> ended;
        while (ended.empty() && children.wait_for_end(Deadline::after(10s)))
            ended = children.collect();
        return ended.size() == 1 && ended[0].signal() == SIGKILL ? 0 : 1;
    });
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(its_descriptor_is_readable_while_a_child_is_to_be_reaped) {
    ForkedChildren children;
    const Wakeup gate;
    for (int i = 0; i < 2; ++i) {
        children.start("one", [&] {
            pollfd entry{gate.fd(), POLLIN, 0};
            return ::poll(&entry, 1, -1) == 1 ? 0 : 1;
        });
    }
    BOOST_TEST(!is_readable(children.fd()));
    BOOST_TEST(children.collect().empty());
    BOOST_TEST(children.pids().size() == 2U);
    gate.notify();
    BOOST_TEST(eventually([&] { return is_readable(children.fd()); }));
    const auto ended = collect_all(children);
    BOOST_TEST(ended.size() == 2U);
    BOOST_TEST(!is_readable(children.fd()));
    BOOST_TEST(children.pids().empty());
}

BOOST_AUTO_TEST_CASE(collects_more_than_one_batch_at_once) {
    constexpr std::size_t count = 150;
    ForkedChildren children;
    for (std::size_t i = 0; i < count; ++i)
        children.start("one", [] { return 0; });
    BOOST_TEST(collect_all(children).size() == count);
}

BOOST_AUTO_TEST_CASE(waiting_gives_up_at_its_deadline) {
    ForkedChildren children;
    children.start("one", wait_forever);
    BOOST_TEST(!children.wait_for_end(Deadline::now()));
    BOOST_TEST(children.size() == 1U);
    children.signal_all(SIGKILL);
    collect_all(children);
}

// The signal is blocked until the child can take it.
BOOST_AUTO_TEST_CASE(sigterm_does_not_kill_a_child_that_has_not_begun) {
    ForkedChildren children;
    const Wakeup gate;
    children.start("one", [&] {
        pollfd entry{gate.fd(), POLLIN, 0};
        ::poll(&entry, 1, -1);
        return 3;
    });
    children.signal_all(SIGTERM);
    gate.notify();
    const auto ended = collect_all(children);
    BOOST_TEST_REQUIRE(ended.size() == 1U);
    BOOST_TEST(WEXITSTATUS(ended[0].status) == 3);
}

BOOST_AUTO_TEST_CASE(the_parent_keeps_its_own_signal_mask) {
    sigset_t before;
    sigset_t after;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
    ForkedChildren children;
    children.start("one", [] { return 0; });
    ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
    BOOST_TEST(::sigismember(&before, SIGTERM) == ::sigismember(&after, SIGTERM));
    collect_all(children);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
