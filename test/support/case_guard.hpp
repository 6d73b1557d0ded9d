#pragma once

/// \file
/// The fixture of every test suite: no case leaks, no case hangs.

#include <ctime>
#include <map>
#include <string>

#include <sys/types.h>

namespace socketserver::test {

/// Checks that a test case leaves no descriptor, thread or child process behind, and ends the program if
/// the case hangs. Use it as `BOOST_FIXTURE_TEST_SUITE(name, CaseGuard)`.
///
/// Leaks: what is open, running or unreaped (zombies included) when the case begins is compared with what is
/// left when it has ended and its local variables are gone. Threads that are just leaving the kernel get a few
/// seconds to do so.
///
/// Hangs: after 30 s (four times as long under a sanitizer; the environment variable
/// SOCKETSERVER_TEST_TIMEOUT gives other seconds, 0 for never, as a debugger wants it) the name of the case
/// and the stack of each thread are printed, the children are killed and the program aborts. Should every
/// thread block all signals, SIGKILL follows 5 s later, without a message.
///
/// Faults: what the case has noted by note_fault() is told if it has passed.
///
/// Forks: the time limit is the parent's alone. A child must leave by `_exit`; one that runs out of its case
/// instead is ended with status 70 and a message.
///
/// Thread: the one that runs the case. One at a time. It starts no thread of its own.
class CaseGuard {
public:
    /// Counts, and starts the clock.
    CaseGuard();
    /// Stops the clock, and counts again.
    ~CaseGuard();
    CaseGuard(const CaseGuard&) = delete;
    CaseGuard& operator=(const CaseGuard&) = delete;

    /// What a process holds: the names of its descriptors, threads and children by number.
    struct Holdings {
        /// Descriptors: what each refers to (readlink of /proc/self/fd/N).
        std::map<int, std::string> descriptors;
        /// Threads: each one's name.
        std::map<int, std::string> threads;
        /// Children: each one's state and command.
        std::map<int, std::string> children;

        /// What this process holds now.
        [[nodiscard]] static Holdings now();
    };

    /// Says what a case left behind.
    /// \param before what the process held when the case began
    /// \param after what it held when it had ended
    /// \return one clause for each leak, or "" if there is none
    [[nodiscard]] static std::string describe_leaks(const Holdings& before, const Holdings& after);

private:
    pid_t process_;
    Holdings before_;
    timer_t speak_{};
    timer_t kill_{};
    bool armed_ = false;
};

}  // namespace socketserver::test
