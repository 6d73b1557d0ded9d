#include "support/case_guard.hpp"
#include "support/eventually.hpp"
#include "support/readable.hpp"

#include <socketserver/detail/request_threads.hpp>
#include <socketserver/serving/request_handler.hpp>

#include <boost/test/unit_test.hpp>
#include <boost/thread/exceptions.hpp>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>

namespace socketserver::test {

using ::socketserver::detail::RequestThreads;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t stack_size = std::size_t{1} << 20U;

bool all_finish(const RequestThreads& threads) {
    return eventually([&] { return threads.running() == 0; });
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(request_threads, CaseGuard)

BOOST_AUTO_TEST_CASE(joins_all_when_destroyed) {
    std::atomic<int> done{0};
    {
        RequestThreads threads;
        for (int i = 0; i < 5; ++i)
            threads.start([&] { ++done; }, stack_size);
    }
    BOOST_TEST(done == 5);
}

BOOST_AUTO_TEST_CASE(tracks_threads_until_they_are_let_go) {
    RequestThreads threads;
    std::latch gate(1);
    for (int i = 0; i < 3; ++i)
        threads.start([&] { gate.wait(); }, stack_size);
    threads.release_finished();
    BOOST_TEST(threads.running() == 3U);
    BOOST_TEST(threads.tracked() == 3U);
    gate.count_down();
    BOOST_TEST(all_finish(threads));
    BOOST_TEST(threads.tracked() == 3U);
    threads.release_finished();
    BOOST_TEST(threads.tracked() == 0U);
}

BOOST_AUTO_TEST_CASE(lets_go_of_those_that_have_ended_while_it_waits_for_the_others) {
    RequestThreads threads;
    std::latch gate(1);
    threads.start([&] { gate.wait(); }, stack_size);
    threads.start([] {}, stack_size);
    BOOST_TEST(!threads.join(Deadline::after(1ms)));
    BOOST_TEST(eventually([&] { return threads.running() == 1; }));
    BOOST_TEST(!threads.join(Deadline::after(1ms)));
    BOOST_TEST(threads.tracked() == 1U);
    gate.count_down();
    BOOST_TEST(threads.join(Deadline::never()));
    BOOST_TEST(threads.tracked() == 0U);
}

BOOST_AUTO_TEST_CASE(wakes_when_a_thread_ends) {
    RequestThreads threads;
    std::latch first(1);
    std::latch second(1);
    threads.start([&] { first.wait(); }, stack_size);
    threads.start([&] { second.wait(); }, stack_size);
    BOOST_TEST(!is_readable(threads.fd()));
    first.count_down();
    BOOST_TEST(eventually([&] { return is_readable(threads.fd()); }));
    BOOST_TEST(threads.running() == 1U);
    threads.release_finished();
    BOOST_TEST(!is_readable(threads.fd()));
    second.count_down();
    BOOST_TEST(eventually([&] { return is_readable(threads.fd()); }));
    threads.release_finished();
    BOOST_TEST(!is_readable(threads.fd()));
    BOOST_TEST(threads.tracked() == 0U);
}

BOOST_AUTO_TEST_CASE(join_gives_up_at_its_deadline) {
    RequestThreads threads;
    std::latch gate(1);
    threads.start([&] { gate.wait(); }, stack_size);
    BOOST_TEST(!threads.join(Deadline::now()));
    BOOST_TEST(!threads.join(Deadline::after(5ms)));
    gate.count_down();
    BOOST_TEST(threads.join(Deadline::never()));
    BOOST_TEST(threads.tracked() == 0U);
    BOOST_TEST(threads.join(Deadline::now()));
}

BOOST_AUTO_TEST_CASE(gives_the_work_back_when_the_thread_ends) {
    RequestThreads threads;
    auto held = std::make_shared<int>(1);
    const std::weak_ptr<int> watched = held;
    threads.start([held] {}, stack_size);
    held.reset();
    BOOST_TEST(all_finish(threads));
    BOOST_TEST(watched.expired());
}

BOOST_AUTO_TEST_CASE(system_exit_ends_one_thread) {
    RequestThreads threads;
    threads.start([] { throw SystemExit{1}; }, stack_size);
    BOOST_TEST(threads.join(Deadline::never()));
}

BOOST_AUTO_TEST_CASE(a_thread_that_cannot_be_had_leaves_no_trace) {
    RequestThreads threads;
    BOOST_CHECK_THROW(threads.start([] {}, std::size_t{1} << 50U), boost::thread_resource_error);
    BOOST_TEST(threads.tracked() == 0U);
    threads.start([] {}, stack_size);
    BOOST_TEST(threads.join(Deadline::never()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
