#include <socketserver/net/offload.hpp>

#include "fixtures.hpp"

#include <socketserver/fiber/fiber_loop.hpp>
#include <socketserver/net/resolve.hpp>

#include <boost/test/unit_test.hpp>

#include <netdb.h>

#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(offload_in_fibers, CaseGuard)

BOOST_AUTO_TEST_CASE(offload_runs_elsewhere_while_other_fibers_are_served) {
    FiberLoop loop;
    std::promise<void> served;
    std::thread::id elsewhere;
    int result = 0;
    loop.spawn([&] {
        result = offload([&] {
            elsewhere = std::this_thread::get_id();
            served.get_future().wait();  // would never come if the loop stood still
            return 42;
        });
    });
    loop.spawn([&] {
        sleep_for(1ms);
        served.set_value();
    });
    run(loop);
    BOOST_TEST(result == 42);
    BOOST_TEST((elsewhere != std::this_thread::get_id()));
}

BOOST_AUTO_TEST_CASE(offload_runs_in_place_in_a_thread) {
    std::thread::id where;
    offload([&] { where = std::this_thread::get_id(); });
    BOOST_TEST((where == std::this_thread::get_id()));
    int variable = 1;
    BOOST_TEST(&offload([&]() -> int& { return variable; }) == &variable);
    BOOST_TEST(*offload([] { return std::make_unique<int>(3); }) == 3);
}

BOOST_AUTO_TEST_CASE(offload_throws_in_the_caller_what_was_thrown) {
    BOOST_CHECK_THROW(offload([]() -> int { throw std::out_of_range("here"); }), std::out_of_range);
    std::string caught;
    run_fibers(SelectorKind::epoll, [&] {
        try {
            offload([] { throw std::out_of_range("there"); });
        } catch (const std::out_of_range& failure) {
            caught = failure.what();
        }
    });
    BOOST_TEST(caught == "there");
}

BOOST_AUTO_TEST_CASE(more_is_offloaded_at_once_than_there_are_helpers) {
    FiberLoop loop;
    int done = 0;
    for (int i = 0; i < 100; ++i)
        loop.spawn([&, i] { done += offload([i] { return i; }) == i ? 1 : 0; });
    run(loop);
    BOOST_TEST(done == 100);
}

BOOST_AUTO_TEST_CASE(names_are_resolved_in_helper_threads) {
    FiberLoop loop;
    std::string host;
    std::size_t found = 0;
    std::string full;
    bool others_ran = false;
    bool done = false;
    error_code unknown;
    loop.spawn([&] {
        host = gethostbyname("localhost");
        found = getaddrinfo("127.0.0.1", Service{80}, AF_INET, SOCK_STREAM).size();
        full = getfqdn("127.0.0.1");
        static_cast<void>(
            getaddrinfo("no.such.host.invalid.", Service{80}, AF_INET, SOCK_STREAM, 0, AI_NUMERICHOST, unknown));
        done = true;
    });
    loop.spawn([&] {
        while (!done) {
            others_ran = true;
            loop.yield();
        }
    });
    run(loop);
    BOOST_TEST(host == "127.0.0.1");
    BOOST_TEST(found == 1U);
    BOOST_TEST(!full.empty());
    BOOST_TEST((unknown.category() == gai_category()));
    BOOST_TEST(others_ran);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
