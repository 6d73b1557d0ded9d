#include <socketserver/os/unique_fd.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace socketserver {

void UniqueFd::reset(int fd) noexcept {
    const int old = std::exchange(fd_, fd);
    if (old >= 0) {
        const int saved = errno;
        ::close(old);
        errno = saved;
    }
}

UniqueFd detail::move_above_standard_streams(UniqueFd low) noexcept {
    return UniqueFd{::fcntl(low.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1)};
}

}  // namespace socketserver
