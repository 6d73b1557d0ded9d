#pragma once

/// \file
/// What the tests tell fault_server while it runs.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <limits>

namespace socketserver::test {

/// Where a fault can be injected that the kernel cannot be made to have at will.
enum class Point {
    accept,      ///< accept4(2)
    allocation,  ///< operator new
    mapping,     ///< mmap(2) by the library: stacks
    read_file,   ///< pread(2), sendfile(2)
    receive,     ///< recv(2)
    send,        ///< send(2), sendmsg(2)
    resolve,     ///< getaddrinfo(3): waits instead of failing, while any failures are left
    count        ///< how many there are
};

/// The faults of one point. Lies in memory that fault_server, its children and the test share.
///
/// Thread: any, any process. Lock-free.
struct Injection {
    std::atomic<long> passing{0};                                 ///< how many calls pass before the first that fails
    std::atomic<long> failing{0};                                 ///< how many fail from then on
    std::atomic<long> failed{0};                                  ///< how many have failed since it was armed
    std::atomic<int> error{0};                                    ///< with which errno
    std::atomic<std::chrono::steady_clock::rep> last_failure{0};  ///< when, by the clock's own count
    /// The shortest time between two failures, by the clock's own count, since forget_gaps().
    std::atomic<std::chrono::steady_clock::rep> shortest_gap{0};

    /// Has calls fail.
    /// \param the_error their errno
    /// \param after how many pass before
    /// \param times how many fail
    void arm(int the_error, long after = 0, long times = 1) {
        failing = 0;
        failed = 0;
        error = the_error;
        passing = after;
        failing = times;
    }

    /// Lets all further calls pass.
    /// \return how many have failed
    long disarm() {
        failing = 0;
        return failed;
    }

    /// Only failures from now on tell how far they lie apart.
    void forget_gaps() { shortest_gap = std::numeric_limits<std::chrono::steady_clock::rep>::max(); }

    /// Whether two failures have followed each other sooner than that.
    [[nodiscard]] bool failed_twice_within(std::chrono::steady_clock::duration span) const {
        return shortest_gap < span.count();
    }

    /// To be asked once in each call.
    /// \return the errno to fail with, or 0
    int strike() {
        if (failing.load(std::memory_order_relaxed) <= 0 || passing.fetch_sub(1) > 0 || failing.fetch_sub(1) <= 0)
            return 0;
        const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
        shortest_gap = std::min(shortest_gap.load(), now - last_failure.exchange(now));
        ++failed;
        return error;
    }
};

/// All of it. Zeros are no faults.
struct Control {
    std::array<Injection, static_cast<std::size_t>(Point::count)> points;

    Injection& at(Point point) { return points[static_cast<std::size_t>(point)]; }
};

static_assert(std::atomic<long>::is_always_lock_free);

/// The environment variable that names the file that holds it.
inline constexpr const char* control_variable = "SOCKETSERVER_FAULT_CONTROL";
/// With it fault_server interrupts itself, and each of its children, every millisecond.
inline constexpr const char* storm_variable = "SOCKETSERVER_FAULT_STORM";
/// The user as whom fault_server is to run, if it is root: limits on processes do not bind root.
inline constexpr const char* user_variable = "SOCKETSERVER_FAULT_USER";
/// How many processes and threads that user may have (RLIMIT_NPROC).
inline constexpr const char* processes_variable = "SOCKETSERVER_FAULT_PROCESSES";

}  // namespace socketserver::test
