#pragma once

/// \file
/// What a server counts.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace socketserver {

/// What a server counts: the one list of it, for Statistics and the counters behind them alike.
/// \tparam Count a number, or an atomic one
template <class Count>
struct CountsOf {
    Count accepted{};  ///< requests that came in: connections accepted, datagrams received
    Count active{};    ///< requests being served now
    Count handled{};   ///< requests whose handler returned
    Count failed{};    ///< requests whose handler threw or whose process died
    /// Of `failed`, requests that a time limit ended: the handler let ETIMEDOUT through.
    Count timed_out{};
    /// Of `failed`, requests whose peer gave up: the handler let ECONNRESET or EPIPE through.
    Count reset{};
    /// Of `handled` and `failed`, requests that were still running when the server ended them by force.
    Count cut{};
    /// Requests that were refused: by verify_request(), by a limit, or since their sender was the server itself (datagrams).
    Count rejected{};
    /// Times that a limit on what may run at once was reached, so that further requests wait in the kernel's queue.
    Count deferred{};
    /// Times that a handler or hook under Selecting held up its thread for longer than `selecting.stall_limit`.
    Count stalled{};
    Count accept_errors{};   ///< times that no request could be got, whatever the cause
    Count no_descriptors{};  ///< of `accept_errors`, those for want of descriptors: EMFILE, ENFILE
    Count no_memory{};       ///< of `accept_errors`, those for want of memory: ENOBUFS, ENOMEM
    Count bytes_received{};  ///< of requests that have ended: from connections, and in datagrams
    Count bytes_sent{};      ///< of requests that have ended: to connections, and in replies to datagrams
    Count log_lines_lost{};  ///< messages that the logger could not write: it threw

    /// All of them, so that what is done with each of them need not name them again.
    [[nodiscard]] static constexpr auto all() noexcept {
        return std::array{
            &CountsOf::accepted,  &CountsOf::active,         &CountsOf::handled,       &CountsOf::failed,
            &CountsOf::timed_out, &CountsOf::reset,          &CountsOf::cut,           &CountsOf::rejected,
            &CountsOf::deferred,  &CountsOf::stalled,        &CountsOf::accept_errors, &CountsOf::no_descriptors,
            &CountsOf::no_memory, &CountsOf::bytes_received, &CountsOf::bytes_sent,    &CountsOf::log_lines_lost};
    }
};

/// A server's counts at one moment. A value.
///
/// What a connection has received and sent is added when it is closed, so that a read or write costs no more than a plain
/// addition: of connections that are being served now nothing is in yet, and of those of a process that was killed
/// nothing ever will be.
struct Statistics : CountsOf<std::uint64_t> {
    static_assert(sizeof(CountsOf) == all().size() * sizeof(std::uint64_t), "all() names each of them");

    /// Adds the counts of another process, or server.
    Statistics& operator+=(const Statistics& more) noexcept {
        for (const auto count : all())
            this->*count += more.*count;
        return *this;
    }
};

/// What became of the requests of a server that was told to stop. A value.
struct DrainReport {
    std::uint64_t completed = 0;  ///< requests that ended by themselves after that
    std::uint64_t cut = 0;        ///< requests that were still running at the deadline, and were ended by force
    std::uint64_t refused = 0;    ///< requests that were refused meanwhile: see CountsOf::rejected
};

/// The counters behind Statistics. They lie in shared memory, so that forked children count too; `accepted` and
/// `active` are the parent's alone.
///
/// Thread: any, any process. Lock-free.
struct Counters : CountsOf<std::atomic<std::uint64_t>> {
    static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "processes share no locks");

    /// The counts now; each is exact, they are not all of the same instant.
    [[nodiscard]] Statistics snapshot() const noexcept {
        Statistics now;
        for (std::size_t i = 0; i < all().size(); ++i)
            now.*Statistics::all()[i] = this->*all()[i];
        return now;
    }
};

}  // namespace socketserver
