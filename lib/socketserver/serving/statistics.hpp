#pragma once

/// \file
/// What a server counts.

#include <atomic>
#include <cstdint>

namespace socketserver {

/// A server's counts at one moment. A value.
struct Statistics {
    std::uint64_t accepted = 0;       ///< requests that came in: connections accepted, datagrams received
    std::uint64_t active = 0;         ///< requests being served now
    std::uint64_t handled = 0;        ///< requests whose handler returned
    std::uint64_t failed = 0;         ///< requests whose handler threw or whose process died
    std::uint64_t rejected = 0;       ///< requests that verify_request refused
    std::uint64_t accept_errors = 0;  ///< times that no request could be got: descriptors or memory ran out
};

/// The counters behind Statistics. They lie in shared memory, so that forked children count too; `accepted` and
/// `active` are the parent's alone.
///
/// Thread: any, any process. Lock-free.
struct Counters {
    std::atomic<std::uint64_t> accepted{0};       ///< see Statistics
    std::atomic<std::uint64_t> active{0};         ///< see Statistics
    std::atomic<std::uint64_t> handled{0};        ///< see Statistics
    std::atomic<std::uint64_t> failed{0};         ///< see Statistics
    std::atomic<std::uint64_t> rejected{0};       ///< see Statistics
    std::atomic<std::uint64_t> accept_errors{0};  ///< see Statistics

    static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "processes share no locks");

    /// The counts now; each is exact, they are not all of the same instant.
    [[nodiscard]] Statistics snapshot() const noexcept {
        return {accepted, active, handled, failed, rejected, accept_errors};
    }
};

}  // namespace socketserver
