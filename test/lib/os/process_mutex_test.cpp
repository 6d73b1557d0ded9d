#include <socketserver/os/error.hpp>
#include <socketserver/os/process_mutex.hpp>
#include <socketserver/os/shared_memory.hpp>

#include <support/case_guard.hpp>
#include <support/forked.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <csignal>
#include <mutex>
#include <thread>
#include <vector>

#include <sched.h>

namespace socketserver::test {

namespace {

struct Totals {
    process_mutex mutex;
    int count = 0;  // guarded by mutex

    void add() {
        const std::lock_guard lock(mutex);
        const int before = count;
        ::sched_yield();
        count = before + 1;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(mutex_of_processes, CaseGuard)

BOOST_AUTO_TEST_CASE(lets_one_process_at_a_time_go_on) {
    constexpr int each = 1'000;
    const SharedMemory<Totals> totals;
    const auto add = [&totals] {
        for (int i = 0; i < each; ++i)
            totals->add();
        return 0;
    };
    std::array<int, 2> ends{-1, -1};
    std::vector<std::thread> threads;
    for (int& end : ends)
        threads.emplace_back([&add, &end] { end = in_child(add); });
    add();
    for (std::thread& thread : threads)
        thread.join();
    for (const int end : ends)
        BOOST_TEST(end == 0);
    BOOST_TEST(totals->count == 3 * each);
    BOOST_TEST(totals->mutex.try_lock());
    BOOST_TEST(!totals->mutex.abandoned());
    totals->mutex.unlock();
}

BOOST_AUTO_TEST_CASE(is_held_by_another_process) {
    const SharedMemory<Totals> totals;
    const std::lock_guard lock(totals->mutex);
    BOOST_TEST(in_child([&totals] { return totals->mutex.try_lock() ? 1 : 0; }) == 0);
}

BOOST_AUTO_TEST_CASE(one_who_dies_with_it_does_not_keep_it) {
    const SharedMemory<Totals> totals;
    for (const bool by_trying : {false, true}) {
        BOOST_TEST(in_child([&totals] {
                       totals->mutex.lock();
                       return ::raise(SIGKILL);
                   }) == -SIGKILL);
        if (by_trying)
            BOOST_TEST(totals->mutex.try_lock());
        else
            totals->mutex.lock();
        BOOST_TEST(totals->mutex.abandoned());
        totals->mutex.unlock();
        // Until somebody has mended what it guards.
        totals->mutex.lock();
        BOOST_TEST(totals->mutex.abandoned());
        totals->mutex.repaired();
        totals->mutex.unlock();
        totals->mutex.lock();
        BOOST_TEST(!totals->mutex.abandoned());
        totals->mutex.unlock();
    }
}

BOOST_AUTO_TEST_CASE(who_locks_it_twice_is_told) {
    process_mutex mutex;
    const std::lock_guard lock(mutex);
    BOOST_CHECK_EXCEPTION(mutex.lock(), system_error,
                          [](const system_error& error) { return error.code() == system_code(EDEADLK); });
    BOOST_TEST(!mutex.try_lock());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
