#include <socketserver/fiber/mutex.hpp>

#include "fixtures.hpp"

#include <socketserver/fiber/condition_variable.hpp>
#include <socketserver/net/poll_waiter.hpp>
#include <socketserver/os/wakeup.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace socketserver::test {

namespace {

namespace data = boost::unit_test::data;
using Mutex = socketserver::mutex;
using Lock = std::unique_lock<Mutex>;

/// Runs functions in threads of their own until all have ended.
template <class... Work>
void run_threads(Work... work) {
    std::array<std::thread, sizeof...(Work)> threads{std::thread(std::move(work))...};
    for (std::thread& thread : threads)
        thread.join();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(mutex, CaseGuard)

BOOST_AUTO_TEST_CASE(one_that_is_free_is_locked_at_once_and_one_that_is_held_is_not) {
    Mutex mutex;
    const auto is_free = [&] {
        if (!mutex.try_lock())
            return false;
        mutex.unlock();
        return true;
    };
    BOOST_TEST(is_free());
    {
        const std::lock_guard lock(mutex);
        BOOST_TEST(!is_free());
    }
    BOOST_TEST(is_free());
    Mutex other;
    const std::scoped_lock both(mutex, other);
    BOOST_TEST(!is_free());
}

BOOST_DATA_TEST_CASE(held_across_a_wait_it_stops_nobody_but_those_that_want_it, data::make(selector_kinds), kind) {
    auto [server, client] = unix_connection();
    Mutex mutex;
    std::string log;
    run_fibers(
        kind,
        [&, &socket = server] {
            const std::lock_guard lock(mutex);
            log += 'a';
            log += socket.recv(1);
            log += 'A';
        },
        [&] {
            log += 'b';
            const std::lock_guard lock(mutex);
            log += 'B';
        },
        [&, &socket = client] {
            log += 'c';
            sleep_for(2ms);
            log += 'C';
            socket.sendall("x");
        });
    BOOST_TEST(log == "abcCxAB");
}

BOOST_AUTO_TEST_CASE(those_that_wait_get_it_in_the_order_in_which_they_came) {
    Mutex mutex;
    std::string log;
    FiberLoop loop;
    for (const char name : {'a', 'b', 'c', 'd'})
        loop.spawn([&, name] {
            for (int i = 0; i < 3; ++i) {
                const std::lock_guard lock(mutex);
                log += name;
                sleep_for(0ms);
            }
        });
    run(loop);
    BOOST_TEST(log == "abcdabcdabcd");
}

BOOST_AUTO_TEST_CASE(a_lock_is_not_cut_short) {
    Mutex mutex;
    FiberLoop loop;
    bool held = false;
    bool inside = false;
    int overlaps = 0;
    loop.spawn([&] {
        mutex.lock();
        held = true;
        loop.cut();
        for (int i = 0; i < 10; ++i)
            loop.yield();
        held = false;
        mutex.unlock();
    });
    for (int i = 0; i < 3; ++i)
        loop.spawn([&] {
            const std::lock_guard lock(mutex);
            overlaps += held ? 1 : 0;
            inside = true;
        });
    run(loop);
    BOOST_TEST(inside);
    BOOST_TEST(overlaps == 0);
}

BOOST_AUTO_TEST_CASE(an_earlier_unpark_does_not_make_a_lock_believe_that_it_has_it) {
    Mutex mutex;
    FiberLoop loop;
    bool held = false;
    int overlaps = 0;
    loop.spawn([&] {
        const std::lock_guard lock(mutex);
        held = true;
        sleep_for(2ms);
        held = false;
    });
    loop.spawn([&] {
        Waiter::current().unpark();
        const std::lock_guard lock(mutex);
        overlaps += held ? 1 : 0;
    });
    run(loop);
    BOOST_TEST(overlaps == 0);
}

BOOST_AUTO_TEST_CASE(threads_and_fibers_of_several_loops_exclude_each_other) {
    Mutex mutex;
    int counter = 0;  // not atomic: TSan sees whether the mutex orders
    int inside = 0;
    int overlaps = 0;
    constexpr int times = 300;
    const auto work = [&] {
        for (int i = 0; i < times; ++i) {
            const std::lock_guard lock(mutex);
            overlaps += inside++;
            ++counter;
            if (i % 16 == 0)
                sleep_for(0ms);
            --inside;
        }
    };
    const auto loop_of_three = [&] { run_fibers(SelectorKind::epoll, work, work, work); };
    run_threads(work, work, loop_of_three, [&] { run_fibers(SelectorKind::poll, work, work, work); });
    BOOST_TEST(counter == 8 * times);
    BOOST_TEST(overlaps == 0);
}

BOOST_AUTO_TEST_CASE(it_can_be_destroyed_once_the_last_has_locked_and_unlocked_it) {
    for (int i = 0; i < 300; ++i) {
        auto mutex = std::make_unique<Mutex>();
        mutex->lock();
        Background other([&] {
            mutex->lock();
            mutex->unlock();
            mutex.reset();
        });
        std::this_thread::yield();
        mutex->unlock();
        other.join();
        BOOST_REQUIRE(mutex == nullptr);
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(condition_variable, CaseGuard)

using Condition = socketserver::condition_variable;

BOOST_AUTO_TEST_CASE(notify_one_lets_those_that_wait_go_on_one_by_one_in_order) {
    Mutex mutex;
    Condition condition;
    std::string log;
    FiberLoop loop;
    for (const char name : {'a', 'b', 'c'})
        loop.spawn([&, name] {
            Lock lock(mutex);
            BOOST_TEST(condition.wait(lock) == WaitResult::ready);
            BOOST_TEST(lock.owns_lock());
            log += name;
        });
    loop.spawn([&] {
        for (int i = 0; i < 3; ++i) {
            condition.notify_one();
            sleep_for(1ms);
            log += '.';
        }
        condition.notify_one();  // nobody waits
    });
    run(loop);
    BOOST_TEST(log == "a.b.c.");
}

BOOST_AUTO_TEST_CASE(notify_all_lets_all_go_on_one_after_the_other) {
    Mutex mutex;
    Condition condition;
    int ready = 0;
    int inside = 0;
    FiberLoop loop;
    for (int i = 0; i < 5; ++i)
        loop.spawn([&] {
            Lock lock(mutex);
            condition.wait(lock);
            BOOST_TEST(inside++ == 0);
            sleep_for(1ms);
            --inside;
            ++ready;
        });
    loop.spawn([&] { condition.notify_all(); });
    run(loop);
    BOOST_TEST(ready == 5);
}

BOOST_AUTO_TEST_CASE(a_wait_ends_at_its_deadline_with_the_mutex_held) {
    const auto work = [] {
        Mutex mutex;
        Condition condition;
        Lock lock(mutex);
        const Deadline deadline = Deadline::after(3ms);
        BOOST_TEST(condition.wait_until(lock, deadline) == WaitResult::timed_out);
        BOOST_TEST(deadline.expired());
        BOOST_TEST(lock.owns_lock());
        BOOST_TEST(!mutex.try_lock());
        BOOST_TEST(condition.wait_until(lock, Deadline::now(), [] { return false; }) == WaitResult::timed_out);
        BOOST_TEST(condition.wait_until(lock, Deadline::now(), [] { return true; }) == WaitResult::ready);
    };
    work();
    run_fibers(SelectorKind::epoll, work);
}

BOOST_AUTO_TEST_CASE(a_wait_is_cut_with_its_request_in_fibers_and_threads) {
    Mutex mutex;
    Condition condition;
    FiberLoop loop;
    std::vector<WaitResult> results;
    bool held = true;
    loop.spawn([&] {
        Lock lock(mutex);
        results.push_back(condition.wait(lock));
        held = held && lock.owns_lock();
        results.push_back(condition.wait(lock, [] { return false; }));
        held = held && lock.owns_lock();
    });
    loop.spawn([&] { loop.cut(); });
    run(loop);
    const Wakeup cut;
    const Background other([&] { cut.notify(); });
    PollWaiter waiter(cut);
    const ScopedWaiter installed(waiter);
    Lock lock(mutex);
    results.push_back(condition.wait(lock));
    BOOST_TEST(held);
    BOOST_TEST(results.size() == 3U);
    for (const WaitResult result : results)
        BOOST_TEST(result == WaitResult::cut);
    condition.notify_all();  // nobody stands in the list any more
}

BOOST_AUTO_TEST_CASE(a_bounded_queue_between_threads_and_fibers_loses_nothing) {
    Mutex mutex;
    Condition not_empty;
    Condition not_full;
    std::deque<int> queue;
    constexpr int each = 500;
    long sum = 0;
    const auto produce = [&] {
        for (int i = 1; i <= each; ++i) {
            Lock lock(mutex);
            not_full.wait(lock, [&] { return queue.size() < 4; });
            queue.push_back(i);
            not_empty.notify_one();
        }
    };
    const auto consume = [&] {
        for (int i = 0; i < each; ++i) {
            Lock lock(mutex);
            not_empty.wait(lock, [&] { return !queue.empty(); });
            sum += queue.front();
            queue.pop_front();
            not_full.notify_one();
        }
    };
    run_threads(
        produce, consume, [&] { run_fibers(SelectorKind::epoll, produce, consume); },
        [&] { run_fibers(SelectorKind::select, consume, produce, produce, consume); });
    BOOST_TEST(queue.empty());
    BOOST_TEST(sum == 4L * each * (each + 1) / 2);
}

BOOST_AUTO_TEST_CASE(deadlines_and_notifications_that_meet_lose_no_notification) {
    Mutex mutex;
    Condition condition;
    int tickets = 0;
    int taken = 0;
    constexpr int all = 400;
    const auto take = [&] {
        Lock lock(mutex);
        while (taken < all) {
            if (tickets == 0)
                condition.wait_until(lock, Deadline::after(100us));
            if (tickets > 0) {
                --tickets;
                ++taken;
            }
        }
    };
    const auto give = [&] {
        for (int i = 0; i < all; ++i) {
            {
                const std::lock_guard lock(mutex);
                ++tickets;
            }
            condition.notify_one();
            if (i % 8 == 0)
                std::this_thread::yield();
        }
    };
    run_threads(give, take, [&] { run_fibers(SelectorKind::epoll, take, take); });
    BOOST_TEST(taken == all);
    BOOST_TEST(tickets == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
