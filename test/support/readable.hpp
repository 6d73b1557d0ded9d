#pragma once

/// \file
/// Asking the kernel about a descriptor.

#include <fcntl.h>
#include <poll.h>

namespace socketserver::test {

/// Whether a descriptor is readable now; it does not wait.
[[nodiscard]] inline bool is_readable(int fd) {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLIN) != 0;
}

/// Whether a number is an open descriptor of this process.
[[nodiscard]] inline bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

/// Whether a descriptor is closed by execve(2).
[[nodiscard]] inline bool is_close_on_exec(int fd) {
    return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

}  // namespace socketserver::test
