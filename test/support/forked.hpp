#pragma once

/// \file
/// Running a piece of a test in a child process.

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace socketserver::test {

/// Runs f in a forked child and waits for its end. The child leaves by `_exit`; it must not use Boost.Test.
/// \param f what the child does; it returns the exit status, from 0 to 99; an exception makes it 100
/// \return the exit status, or minus the number of the signal that ended the child
template <class F>
[[nodiscard]] int in_child(F&& f) {
    std::fflush(nullptr);  // or a child that ends under ThreadSanitizer would print it once more
    const pid_t child = ::fork();
    if (child < 0)
        throw std::system_error(errno, std::system_category(), "fork");
    if (child == 0) {
        int status = 100;
        try {
            status = f();
        } catch (...) {
            // Said by the status.
        }
        ::_exit(status);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            throw std::system_error(errno, std::system_category(), "waitpid");
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace socketserver::test
