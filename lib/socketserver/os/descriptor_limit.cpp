#include <socketserver/os/descriptor_limit.hpp>

#include <dirent.h>
#include <sys/resource.h>

#include <atomic>

namespace socketserver {

namespace {

// Of the process, as the limit itself is; 0: it has not been raised.
constinit std::atomic<std::size_t> former_limit{0};

}  // namespace

std::size_t descriptor_limit() noexcept {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);  // fails for no resource that there is
    return limit.rlim_cur;
}

std::size_t open_descriptors() noexcept {
    DIR* const folder = ::opendir("/proc/self/fd");
    if (folder == nullptr)
        return 0;
    std::size_t entries = 0;
    while (::readdir(folder) != nullptr)
        ++entries;
    ::closedir(folder);
    constexpr std::size_t others = 3;  // ".", ".." and the folder itself
    return entries - others;
}

void raise_descriptor_limit() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    const std::size_t former = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0)
        former_limit = former;
}

std::optional<std::size_t> former_descriptor_limit() noexcept {
    const std::size_t former = former_limit;
    return former != 0 ? std::optional{former} : std::nullopt;
}

}  // namespace socketserver
