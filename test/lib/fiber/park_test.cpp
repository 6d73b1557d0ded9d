#include <socketserver/fiber/fiber_loop.hpp>
#include <socketserver/net/detail/served_request.hpp>

#include "fixtures.hpp"

#include <socketserver/net/poll_waiter.hpp>
#include <socketserver/net/request_registry.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>
#include <vector>

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(park, CaseGuard)

BOOST_AUTO_TEST_CASE(an_unpark_in_the_turn_in_which_the_deadline_comes_harms_no_other_wait) {
    // The unparker's turn is before that of the one that waits, whose wait is over already.
    FiberLoop loop;
    Waiter* parked = nullptr;
    int woken = 0;
    const Deadline deadline = Deadline::after(3ms);
    for (int i = 0; i < 4; ++i)
        loop.spawn([&, i] {
            if (i == 2) {
                parked = &Waiter::current();
                static_cast<void>(parked->park(deadline));
                parked = nullptr;
            } else {
                Waiter::current().sleep_until(deadline);
                if (parked != nullptr)
                    parked->unpark();
            }
            sleep_for(2ms);
            ++woken;
        });
    int cut = 0;
    for (int i = 0; i < 4; ++i)
        loop.spawn([&] { cut += sleep_for(1h) == WaitResult::cut ? 1 : 0; });
    loop.spawn([&] {
        while (woken < 4)
            sleep_for(1ms);
        loop.cut();
    });
    run(loop);
    BOOST_TEST(woken == 4);
    BOOST_TEST(cut == 4);
}

BOOST_AUTO_TEST_CASE(an_unpark_comes_from_any_thread_before_or_after_the_park) {
    for (const bool in_fiber : {true, false}) {
        std::vector<WaitResult> results;
        const auto work = [&] {
            Waiter& self = Waiter::current();
            self.unpark();
            self.unpark();  // one permit, however often
            results.push_back(self.park(Deadline::never()));
            results.push_back(self.park(Deadline::after(1ms)));
            results.push_back(self.park(Deadline::now()));
            for (int i = 0; i < 200; ++i) {
                const Background other([&self] { self.unpark(); });
                results.push_back(self.park(Deadline::never()));
            }
        };
        if (in_fiber)
            run_fibers(SelectorKind::epoll, work);
        else
            work();
        BOOST_TEST_REQUIRE(results.size() == 203U);
        BOOST_TEST(results[0] == WaitResult::ready);
        BOOST_TEST(results[1] == WaitResult::timed_out);
        BOOST_TEST(results[2] == WaitResult::timed_out);
        for (std::size_t i = 3; i < results.size(); ++i)
            BOOST_TEST(results[i] == WaitResult::ready);
    }
}

BOOST_AUTO_TEST_CASE(a_thread_that_is_parked_in_a_request_can_be_cut) {
    const Wakeup cut;
    PollWaiter waiter(cut);
    BOOST_TEST(waiter.park(Deadline::after(1ms)) == WaitResult::timed_out);
    waiter.unpark();
    BOOST_TEST(waiter.park(Deadline::never()) == WaitResult::ready);
    {
        const Background other([&] { waiter.unpark(); });
        BOOST_TEST(waiter.park(Deadline::never()) == WaitResult::ready);
    }
    {
        const Background other([&] { cut.notify(); });
        BOOST_TEST(waiter.park(Deadline::never()) == WaitResult::cut);
    }
    const Background other([&] { waiter.unpark(); });
    BOOST_TEST(waiter.park(Deadline::never(), Cut::is_ignored) == WaitResult::ready);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
