#include <socketserver/fiber/task_group.hpp>
#include <socketserver/net/buffered_writer.hpp>

#include "fixtures.hpp"
#include "support/rlimit.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace socketserver::test {

namespace {

using namespace std::chrono_literals;

/// Runs something in a thread, and in a fiber.
void in_thread_and_fiber(const std::function<void()>& work) {
    work();
    FiberLoop loop;
    loop.spawn([&] { work(); });
    run(loop);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(task_group, CaseGuard)

BOOST_AUTO_TEST_CASE(all_tasks_have_ended_when_wait_returns_and_the_group_is_as_new) {
    in_thread_and_fiber([] {
        TaskGroup group;
        std::atomic<int> ended = 0;
        for (int round = 1; round <= 3; ++round) {
            for (int i = 0; i < 10; ++i)
                group.run([&] {
                    sleep_for(1ms);
                    ++ended;
                });
            group.wait();
            BOOST_TEST(ended == round * 10);
        }
        group.wait();
    });
}

BOOST_AUTO_TEST_CASE(the_first_exception_comes_out_of_wait_and_no_other_time) {
    in_thread_and_fiber([] {
        TaskGroup group;
        group.run([] { throw std::runtime_error("first"); });
        WaitResult slept = WaitResult::ready;
        group.run([&] {
            slept = sleep_for(1h);
            throw std::runtime_error("second");
        });
        BOOST_CHECK_EXCEPTION(group.wait(), std::runtime_error,
                              [](const auto& thrown) { return thrown.what() == std::string("first"); });
        BOOST_TEST((slept == WaitResult::cut));
        bool ran = false;
        group.run([&] { ran = sleep_for(1ms) == WaitResult::timed_out; });
        group.wait();
        BOOST_TEST(ran);
    });
}

BOOST_AUTO_TEST_CASE(a_task_may_cut_its_group_and_what_is_started_then_is_cut_too) {
    in_thread_and_fiber([] {
        TaskGroup group;
        std::atomic<int> cut = 0;
        for (int i = 0; i < 3; ++i)
            group.run([&] { cut += sleep_for(1h) == WaitResult::cut; });
        group.run([&] { group.cut(); });
        sleep_for(10ms);
        group.run([&] { cut += sleep_for(1h) == WaitResult::cut; });
        group.wait();
        BOOST_TEST(cut == 4);
    });
}

BOOST_AUTO_TEST_CASE(so_many_run_at_a_time_and_those_that_have_ended_do_not_count) {
    in_thread_and_fiber([] {
        TaskGroup group;
        std::atomic<std::size_t> ended = 0;
        for (std::size_t i = 0; i < TaskGroup::most; ++i)
            group.run([&] {
                sleep_for(1h);
                ++ended;
            });
        bool ran = false;
        CHECK_FAILS(group.run([&] { ran = true; }), EAGAIN, "a further task of a group");
        group.cut();
        group.wait();
        BOOST_TEST(!ran);
        BOOST_TEST(ended == TaskGroup::most);
        for (std::size_t i = 0; i < 3 * TaskGroup::most; ++i) {
            group.run([&] { ++ended; });
            while (ended < TaskGroup::most + i + 1)
                give_way();
        }
        group.wait();
    });
}

BOOST_AUTO_TEST_CASE(what_a_task_holds_goes_in_the_task_while_it_can_wait) {
    in_thread_and_fiber([] {
        struct Waits {
            ~Waits() { sleep_for(5ms); }
        };
        TaskGroup group;
        const auto held = std::make_shared<int>(1);
        group.run([held, waits = std::make_shared<Waits>()] {});
        group.wait();
        BOOST_TEST(held.use_count() == 1);
    });
}

BOOST_AUTO_TEST_CASE(output_of_a_task_leaves_before_it_has_ended) {
    in_thread_and_fiber([] {
        auto [one, other] = socketpair();
        BufferedWriter writer(one);
        TaskGroup group;
        group.run([&] { writer << "word"; });
        group.wait();
        BOOST_TEST(other.recv(10, MSG_DONTWAIT) == "word");
    });
}

BOOST_AUTO_TEST_CASE(a_fiber_for_which_there_is_no_stack_is_an_error_and_the_group_goes_on) {
    FiberLoop loop({.stack_size = gibibyte});
    loop.spawn([] {
        TaskGroup group;
        int ran = 0;
        for (;;) {
            const ScopedRlimit limit(RLIMIT_AS, address_space_with(gibibyte));
            try {
                group.run([&] { ++ran; });
            } catch (const system_error& failure) {
                BOOST_TEST(failure.code() == system_code(ENOMEM));
                break;
            }
        }
        group.wait();
        BOOST_TEST(ran > 0);
    });
    run(loop);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
