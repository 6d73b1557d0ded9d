#include <socketserver/fiber/scheduler.hpp>

#include "fixtures.hpp"
#include "support/rlimit.hpp"

#include <socketserver/net/poll_waiter.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(scheduler, CaseGuard)

BOOST_AUTO_TEST_CASE(fibers_run_in_the_order_in_which_they_become_ready) {
    StackPool stacks;
    Scheduler scheduler(stacks);
    std::string log;
    Fiber* parked = nullptr;
    scheduler.spawn([&] {
        log += 'a';
        parked = scheduler.current();
        scheduler.park();
        log += 'A';
    });
    scheduler.spawn([&] {
        log += 'b';
        scheduler.make_ready(*parked);
        scheduler.make_ready(*parked);  // once is enough
        scheduler.yield();
        log += 'B';
    });
    BOOST_TEST(log.empty());
    while (scheduler.size() > 0)
        scheduler.run_ready();
    BOOST_TEST(log == "abAB");
    BOOST_TEST(stacks.in_use() == 0U);
}

BOOST_AUTO_TEST_CASE(yield_lets_all_others_go_first) {
    StackPool stacks;
    Scheduler scheduler(stacks);
    std::string log;
    for (const char name : {'a', 'b', 'c'}) {
        scheduler.spawn([&scheduler, &log, name] {
            for (int i = 0; i < 3; ++i) {
                log += name;
                scheduler.yield();
            }
        });
    }
    while (scheduler.size() > 0)
        scheduler.run_ready();
    BOOST_TEST(log == "abcabcabc");
}

BOOST_AUTO_TEST_CASE(run_ready_gives_each_that_was_ready_one_turn_only) {
    StackPool stacks;
    Scheduler scheduler(stacks);
    int turns = 0;
    int born_later = 0;
    bool stop = false;
    scheduler.spawn([&] {
        scheduler.spawn([&] { ++born_later; });
        while (!stop) {
            ++turns;
            scheduler.yield();
        }
    });
    scheduler.run_ready();
    BOOST_TEST(turns == 1);
    BOOST_TEST(born_later == 0);
    BOOST_TEST(scheduler.has_ready());
    scheduler.run_ready();
    BOOST_TEST(turns == 2);
    BOOST_TEST(born_later == 1);
    stop = true;
    scheduler.run_ready();
    BOOST_TEST(scheduler.size() == 0U);
    BOOST_TEST(!scheduler.has_ready());
}

BOOST_AUTO_TEST_CASE(tells_which_fiber_runs_and_what_it_is_called) {
    StackPool stacks;
    Scheduler scheduler(stacks);
    BOOST_TEST(scheduler.current() == nullptr);
    std::string name;
    bool itself = false;
    Fiber* fiber = nullptr;
    fiber = &scheduler.spawn(
        [&] {
            itself = scheduler.current() == fiber;
            name = scheduler.current()->name();
        },
        "127.0.0.1:4711");
    scheduler.run_ready();
    BOOST_TEST(itself);
    BOOST_TEST(name == "127.0.0.1:4711");
    BOOST_TEST(scheduler.current() == nullptr);
}

BOOST_AUTO_TEST_CASE(what_a_fiber_runs_is_destroyed_when_it_has_ended) {
    StackPool stacks;
    Scheduler scheduler(stacks);
    const auto held = std::make_shared<int>(1);
    scheduler.spawn([held] {});
    BOOST_TEST(held.use_count() == 2);
    scheduler.run_ready();
    BOOST_TEST(held.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(a_fiber_that_gets_no_stack_is_an_error_and_leaks_nothing) {
    StackPool stacks(gibibyte);
    Scheduler scheduler(stacks);
    const auto held = std::make_shared<int>(1);
    {
        const ScopedRlimit limit(RLIMIT_AS, address_space_with(gibibyte));
        CHECK_FAILS(scheduler.spawn([held] {}), ENOMEM, "mmap of fiber stacks");
    }
    BOOST_TEST(held.use_count() == 1);
    BOOST_TEST(scheduler.size() == 0U);
    BOOST_TEST(stacks.in_use() == 0U);
    bool ran = false;
    scheduler.spawn([&] { ran = true; });
    scheduler.run_ready();
    BOOST_TEST(ran);
}

BOOST_AUTO_TEST_CASE(each_fiber_keeps_its_own_waiter) {
    StackPool stacks;
    Scheduler scheduler(stacks);
    Waiter* const outside = &Waiter::current();
    PollWaiter one;
    PollWaiter two;
    bool own = true;
    for (PollWaiter* const waiter : {&one, &two}) {
        scheduler.spawn([&, waiter] {
            const ScopedWaiter installed(*waiter);
            for (int i = 0; i < 3; ++i) {
                own = own && &Waiter::current() == waiter;
                scheduler.yield();
            }
        });
    }
    while (scheduler.size() > 0) {
        scheduler.run_ready();
        BOOST_TEST(&Waiter::current() == outside);
    }
    BOOST_TEST(own);
}

BOOST_AUTO_TEST_CASE(ten_thousand_fibers_made_and_ended_leave_memory_and_mappings_flat) {
    for (const GuardKind kind : {GuardKind::automatic, GuardKind::protect}) {
        StackPool stacks(StackPool::default_stack_size, kind);
        Scheduler scheduler(stacks);
        const auto rounds = [&](int count) {
            for (int round = 0; round < count; ++round) {
                for (int i = 0; i < 100; ++i)
                    scheduler.spawn([&] {
                        scheduler.yield();
                        static_cast<void>(use_stack(20'000));
                    });
                while (scheduler.size() > 0)
                    scheduler.run_ready();
            }
        };
        rounds(5);
        const std::size_t mapped = mappings();
        const std::size_t memory = resident();
        rounds(100);
        // The sanitizers keep records of their own of each.
        if (!under_sanitizer) {
            BOOST_TEST(mappings() <= mapped + 2);
            BOOST_TEST(resident() <= memory + (std::size_t{1} << 20U));
        }
        BOOST_TEST(stacks.in_use() == 0U);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
