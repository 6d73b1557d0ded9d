#pragma once

/// \file
/// What a process serves with.

#include <socketserver/net/request_registry.hpp>
#include <socketserver/os/wakeup.hpp>
#include <socketserver/serving/statistics.hpp>

#include <atomic>

namespace socketserver::detail {

/// The part of it that other processes of the server see: it lies in memory that they share.
struct SharedServingState {
    Counters counters;             ///< what the process counts
    std::atomic<bool> cut{false};  ///< its requests are to end by force
};

/// What a process serves with. A server has one; each worker process of a preforking server uses another, since the inherited one
/// is its parent's, and its locks may have been held when the worker was forked.
///
/// Made before the fork, so that a lack of descriptors is the parent's to see. Thread: any of the process that uses it.
struct ServingState {
    /// \param seen_by_others must outlive this object
    explicit ServingState(SharedServingState& seen_by_others)
        : shared(seen_by_others), registry(shared.counters.bytes_received, shared.counters.bytes_sent) {}

    /// Has the loop return. Async-signal-safe.
    void end() noexcept {
        ending = true;
        wakeup.notify();
    }

    /// Whether running requests are being ended by force.
    [[nodiscard]] bool cutting() const noexcept { return registry.cutting() || shared.cut; }

    SharedServingState& shared;       ///< what other processes see too
    std::atomic<bool> ending{false};  ///< this worker is to leave
    Wakeup wakeup;                    ///< wakes the loop
    Wakeup cut;                       ///< notified for good when running requests are cut
    RequestRegistry registry;         ///< the running requests
};

}  // namespace socketserver::detail
