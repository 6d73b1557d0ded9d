#include <socketserver/os/standard_streams.hpp>

#include <socketserver/os/error.hpp>
#include <socketserver/os/signals.hpp>

#include <fcntl.h>
#include <stdio_ext.h>
#include <sys/single_threaded.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <iostream>
#include <streambuf>

namespace socketserver {

namespace {

/// A look at what a buffer keeps to itself.
struct PutArea : std::streambuf {
    static bool holds_something(const std::streambuf* buffer) {
        return buffer != nullptr && (buffer->*(&PutArea::pptr))() != (buffer->*(&PutArea::pbase))();
    }
};

bool standard_output_holds_something() {
    return ::__fpending(stdout) != 0 || PutArea::holds_something(std::cout.rdbuf()) ||
           PutArea::holds_something(std::clog.rdbuf());
}

void flush(std::ostream& stream) noexcept {
    try {
        stream.flush();
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): a program may have it throw; its state tells
    }
}

void flush_standard_buffers() noexcept {
    if (standard_output_holds_something()) {
        const ScopedOutputSignals no_reason_to_die;
        flush(std::cout);
        flush(std::clog);
        std::fflush(stdout);
    }
}

}  // namespace

void occupy_standard_streams() noexcept {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        // Those below are open, so this one is the lowest number. To be inherited, as standard streams are.
        if (::fcntl(fd, F_GETFD) < 0)
            ::open("/dev/null", O_PATH);  // NOLINT(android-cloexec-open)
    }
}

int standard_error() noexcept {
    const int flags = ::fcntl(STDERR_FILENO, F_GETFD);
    return flags >= 0 && (flags & FD_CLOEXEC) == 0 ? STDERR_FILENO : -1;
}

void flush_standard_output() {
    const int before = errno;  // of a write that has just failed
    errno = 0;
    const bool failed = !std::cout.flush();
    const bool fails = std::fflush(stdout) != 0;
    const int reason = errno != 0 ? errno : before;
    if (failed || fails)
        throw_errno(reason != 0 ? reason : EIO, "cannot write standard output");
}

bool flush_buffered_output() noexcept {
    const int saved = errno;
    const bool all = ::__libc_single_threaded != 0;
    if (all) {
        flush_standard_buffers();
        std::fflush(nullptr);
    } else if (::ftrylockfile(stdout) == 0) {
        // The other streams may be locked for as long as somebody types nothing.
        flush_standard_buffers();
        ::funlockfile(stdout);
    }
    errno = saved;
    return all;
}

void flush_output_of_child(bool all) noexcept {
    flush_buffered_output();
    if (all)
        ::fcloseall();  // waits for no lock
}

}  // namespace socketserver
