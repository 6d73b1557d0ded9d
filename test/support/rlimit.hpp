#pragma once

/// \file
/// A resource limit for the length of a scope.

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <sys/resource.h>

namespace socketserver::test {

/// Lowers (or raises, up to the hard limit) a soft resource limit of this process until the scope ends.
///
/// Thread: the limit is the whole process's; children inherit it.
class ScopedRlimit {
public:
    /// The type glibc gives to RLIMIT_NOFILE and its like.
    using Resource = decltype(RLIMIT_NOFILE);

    /// Sets the soft limit.
    /// \param resource e.g. RLIMIT_NOFILE
    /// \param soft the limit until the scope ends
    /// \throw std::system_error if setrlimit(2) fails
    ScopedRlimit(Resource resource, rlim_t soft) : resource_(resource) {
        if (::getrlimit(resource_, &former_) != 0)
            throw std::system_error(errno, std::system_category(), "getrlimit");
        rlimit limit = former_;
        limit.rlim_cur = std::min(soft, former_.rlim_max);
        if (::setrlimit(resource_, &limit) != 0)
            throw std::system_error(errno, std::system_category(), "setrlimit");
    }
    ~ScopedRlimit() { ::setrlimit(resource_, &former_); }
    ScopedRlimit(const ScopedRlimit&) = delete;
    ScopedRlimit& operator=(const ScopedRlimit&) = delete;

private:
    Resource resource_;
    rlimit former_{};
};

}  // namespace socketserver::test
