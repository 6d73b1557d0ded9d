#pragma once

/// \file
/// A resource limit for the length of a scope.

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

namespace socketserver::test {

/// Lowers (or raises, up to the hard limit) a soft resource limit of a process until the scope ends.
///
/// Thread: the limit is the whole process's; children that it forks inherit it.
class ScopedRlimit {
public:
    /// The type glibc gives to RLIMIT_NOFILE and its like.
    using Resource = decltype(RLIMIT_NOFILE);

    /// Sets the soft limit.
    /// \param resource e.g. RLIMIT_NOFILE
    /// \param soft the limit until the scope ends
    /// \param process whose; 0: this one's
    /// \throw std::system_error if prlimit(2) fails
    explicit ScopedRlimit(Resource resource, rlim_t soft, pid_t process = 0) : resource_(resource), process_(process) {
        if (::prlimit(process_, resource_, nullptr, &former_) != 0)
            throw std::system_error(errno, std::system_category(), "prlimit");
        rlimit limit = former_;
        limit.rlim_cur = std::min(soft, former_.rlim_max);
        if (::prlimit(process_, resource_, &limit, nullptr) != 0)
            throw std::system_error(errno, std::system_category(), "prlimit");
    }
    ~ScopedRlimit() { ::prlimit(process_, resource_, &former_, nullptr); }
    ScopedRlimit(const ScopedRlimit&) = delete;
    ScopedRlimit& operator=(const ScopedRlimit&) = delete;

private:
    Resource resource_;
    pid_t process_;
    rlimit former_{};
};

/// The value of RLIMIT_AS that lets this process map so many bytes more: none at all would end a sanitizer's runtime,
/// which maps memory of its own.
inline rlim_t address_space_with(rlim_t more) {
    rlim_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + more;
}

}  // namespace socketserver::test
