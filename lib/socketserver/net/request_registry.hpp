#pragma once

/// \file
/// The connections that a server is serving, so that draining can reach each of them.
///
/// Invariants:
/// 1. An entry stands in its registry from the moment its request is served until just before the descriptor is
///    closed, so the registry never touches a descriptor that is not the request's.
/// 2. The phase of an entry only ever grows: running, stopping, cut.
/// 3. While a registry is stopping, what enters it is stopping too; once it has cut, what enters is cut.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>

namespace socketserver {

class RequestRegistry;

/// One running request's connection, as draining sees it. Owned by the Socket of the connection.
///
/// Thread: made, destroyed and asked by the context that serves the request; stopped from any.
class RunningRequest {
public:
    /// Enters a registry.
    /// \param registry must outlive this object
    /// \param fd the connection; must stay open as long as this object lives
    RunningRequest(RequestRegistry& registry, int fd);

    /// Leaves the registry.
    ~RunningRequest();
    RunningRequest(const RunningRequest&) = delete;
    RunningRequest& operator=(const RunningRequest&) = delete;

    /// Whether the request was asked to end: it is to read no more than what had been received by then.
    [[nodiscard]] bool stopping() const noexcept { return phase_.load(std::memory_order_acquire) != running; }

    /// Whether the request is being ended by force.
    [[nodiscard]] bool was_cut() const noexcept { return phase_.load(std::memory_order_acquire) == was_cut_off; }

    /// Asks the request to end: what was received can still be read, then comes the end of the stream.
    /// Async-signal-safe.
    void stop() noexcept;

    /// As stop(), unless nothing has come on the connection yet: its first input is perhaps under way. Async-signal-safe.
    void stop_unless_new() noexcept;

    /// Ends the connection in both directions. Async-signal-safe.
    void cut() noexcept;

    /// How many bytes may still be read: no bound while running; once stopping, what had been received then.
    [[nodiscard]] std::size_t readable_bytes() noexcept;

    /// Whether stopping, with nothing left to read.
    [[nodiscard]] bool input_has_ended() noexcept { return stopping() && readable_bytes() == 0; }

    /// Tells how much was read.
    /// \param count bytes
    void consumed(std::size_t count) noexcept {
        // Only this context writes it, so that no atomic addition is needed.
        received_.store(received_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
        if (readable_bytes_)
            *readable_bytes_ -= std::min(*readable_bytes_, count);
    }

    /// Tells how much was written.
    /// \param count bytes
    void produced(std::size_t count) noexcept { sent_ += count; }

private:
    friend class RequestRegistry;
    enum Phase { running, stopped, was_cut_off };

    RequestRegistry& registry_;
    const int fd_;
    std::atomic<Phase> phase_{running};
    std::atomic<std::size_t> queued_at_stop_{std::numeric_limits<std::size_t>::max()};  // bytes, set before the phase
    std::optional<std::size_t> readable_bytes_;  // counted when first asked for after the stop; the reader's own
    std::atomic<std::uint64_t> received_{0};     // bytes; written by the serving context alone
    std::uint64_t sent_ = 0;                     // bytes; the serving context's own
    RunningRequest* next_ = nullptr;             // guarded by the registry's mutex
    RunningRequest* previous_ = nullptr;         // guarded by the registry's mutex
};

/// The running requests of one server.
///
/// Owns: nothing; entries enter and leave by themselves. Thread: any.
class RequestRegistry {
public:
    RequestRegistry() = default;
    /// A registry that counts what goes over its connections, once for each of them: when it leaves.
    /// \param bytes_received where to add what was read; must outlive this object
    /// \param bytes_sent where to add what was written; must outlive this object
    RequestRegistry(std::atomic<std::uint64_t>& bytes_received, std::atomic<std::uint64_t>& bytes_sent) noexcept
        : bytes_received_(&bytes_received), bytes_sent_(&bytes_sent) {}
    /// Requires: empty.
    ~RequestRegistry() = default;
    RequestRegistry(const RequestRegistry&) = delete;
    RequestRegistry& operator=(const RequestRegistry&) = delete;

    /// Asks every request to end, and every one that enters from now on.
    void stop_all() noexcept;

    /// As stop_all(), but lets connections on which nothing has come yet go on, until stop_all(): a client that has been
    /// accepted is to be served if it speaks at once.
    void stop_all_but_new() noexcept;

    /// As stop_all(), for the signal handler of a process that has one thread and serves one request in it.
    /// Async-signal-safe: takes no lock.
    void stop_only_request() noexcept;

    /// As stop_all_but_new(), under the same conditions. Async-signal-safe.
    void stop_only_request_unless_new() noexcept;

    /// As cut_all(), under the same conditions. Async-signal-safe.
    void cut_only_request() noexcept;

    /// Ends every connection, and every one that enters from now on.
    void cut_all() noexcept;

    /// Has requests that end from now on count as cut: what begins to cut them says so first.
    void announce_cut() noexcept { cutting_ = true; }

    /// Lets requests that enter from now on run.
    void reopen() noexcept;

    /// Whether requests are being ended by force.
    [[nodiscard]] bool cutting() const noexcept { return cutting_; }

    /// Whether requests are being asked to end.
    [[nodiscard]] bool stopping() const noexcept { return stop_.load(std::memory_order_acquire) != Stop::none; }

    /// How many connections are entered.
    [[nodiscard]] std::size_t size() const noexcept;

private:
    friend class RunningRequest;
    enum class Stop { none, all_but_new, all };
    void raise_stop(Stop to) noexcept;
    void enter(RunningRequest& request) noexcept;
    void leave(RunningRequest& request) noexcept;

    std::atomic<std::uint64_t>* const bytes_received_ = nullptr;
    std::atomic<std::uint64_t>* const bytes_sent_ = nullptr;
    mutable std::mutex mutex_;
    std::atomic<RunningRequest*> first_{nullptr};  // changed under mutex_; atomic for stop_only_request()
    std::size_t size_ = 0;                         // guarded by mutex_
    std::atomic<bool> cutting_{false};             // changed under mutex_; atomic for cut_only_request()
    std::atomic<Stop> stop_{Stop::none};
};

}  // namespace socketserver
