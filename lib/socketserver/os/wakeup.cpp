#include <socketserver/os/wakeup.hpp>

#include <socketserver/os/error.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace socketserver {

Wakeup::Wakeup() : fd_(own_descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))) {
    if (!fd_)
        throw_errno(errno, "eventfd");
}

void Wakeup::notify() const noexcept {
    const int saved = errno;
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the descriptor is readable already.
    [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
    errno = saved;
}

void Wakeup::clear() const noexcept {
    std::uint64_t count = 0;
    // Fails only when nobody has notified, and then there is nothing to clear.
    [[maybe_unused]] const auto got = ::read(fd_.get(), &count, sizeof count);
}

}  // namespace socketserver
