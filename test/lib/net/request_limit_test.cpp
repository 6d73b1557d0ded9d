#include <socketserver/net/request_limit.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

namespace socketserver::test {

BOOST_AUTO_TEST_SUITE(request_limit)

BOOST_AUTO_TEST_CASE(there_are_no_more_tickets_than_the_limit) {
    RequestLimit two(2);
    RequestTicket first = two.take();
    BOOST_TEST(!two.exhausted());
    RequestTicket second = two.take();
    BOOST_TEST(bool(first));
    BOOST_TEST(bool(second));
    BOOST_TEST(two.exhausted());
    BOOST_TEST(!bool(two.take()));
    first = {};
    BOOST_TEST(!two.exhausted());
    BOOST_TEST(bool(two.take()));
}

BOOST_AUTO_TEST_CASE(a_ticket_that_has_been_handed_on_is_given_back_once) {
    RequestLimit one(1);
    {
        RequestTicket ticket = one.take();
        const RequestTicket handed_on = std::move(ticket);
        BOOST_TEST(one.exhausted());
    }
    const RequestTicket again = one.take();
    BOOST_TEST(bool(again));
    BOOST_TEST(one.exhausted());
}

BOOST_AUTO_TEST_CASE(who_waits_is_woken_by_a_ticket_that_is_given_back_in_another_thread) {
    constexpr int turns = 2'000;
    RequestLimit two(2);
    std::atomic<int> holders{0};
    std::atomic<int> most{0};
    std::atomic<int> taken{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int turn = 0; turn < turns;) {
                const RequestTicket ticket = two.take();
                if (!ticket) {
                    two.wait(Deadline::never());
                    continue;
                }
                ++turn;
                ++taken;
                const int now = ++holders;
                for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
                }
                std::this_thread::yield();
                --holders;
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    BOOST_TEST(taken == 4 * turns);
    BOOST_TEST(most <= 2);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
