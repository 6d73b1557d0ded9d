#pragma once

/// \file
/// What the tests tell fault_server while it runs.

#include <array>
#include <atomic>
#include <cstddef>

namespace socketserver::test {

/// Where a fault can be injected that the kernel cannot be made to have at will.
enum class Point {
    accept,      ///< accept4(2)
    allocation,  ///< operator new
    mapping,     ///< mmap(2) by the library: stacks
    receive,     ///< recv(2)
    send,        ///< send(2), sendmsg(2)
    resolve,     ///< getaddrinfo(3): waits instead of failing, while any failures are left
    count        ///< how many there are
};

/// The faults of one point. Lies in memory that fault_server, its children and the test share.
///
/// Thread: any, any process. Lock-free.
struct Injection {
    std::atomic<long> passing{0};  ///< how many calls pass before the first that fails
    std::atomic<long> failing{0};  ///< how many fail from then on
    std::atomic<long> failed{0};   ///< how many have failed since it was armed
    std::atomic<int> error{0};     ///< with which errno

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

    /// To be asked once in each call.
    /// \return the errno to fail with, or 0
    int strike() {
        if (failing.load(std::memory_order_relaxed) <= 0 || passing.fetch_sub(1) > 0 || failing.fetch_sub(1) <= 0)
            return 0;
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
