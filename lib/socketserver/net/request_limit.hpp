#pragma once

/// \file
/// How many requests a server may serve at once.

#include <socketserver/os/deadline.hpp>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <utility>

namespace socketserver {

class RequestLimit;

/// Leave to serve one request; given back when destroyed. May be empty. It hangs on the request, so it ends with it,
/// whoever serves that.
///
/// Thread: one at a time. Life: shorter than its limit's.
class RequestTicket {
public:
    RequestTicket() = default;
    RequestTicket(RequestTicket&& other) noexcept : limit_(std::exchange(other.limit_, nullptr)) {}
    RequestTicket& operator=(RequestTicket&& other) noexcept {
        RequestTicket former(std::move(*this));
        limit_ = std::exchange(other.limit_, nullptr);
        return *this;
    }
    ~RequestTicket();

    /// Whether it is one.
    explicit operator bool() const noexcept { return limit_ != nullptr; }

private:
    friend class RequestLimit;
    explicit RequestTicket(RequestLimit& limit) noexcept : limit_(&limit) {}
    RequestLimit* limit_ = nullptr;
};

/// A number of tickets: a request is accepted by whoever holds one. So the bound is kept exactly, whoever accepts at the same
/// time.
///
/// Nobody starves: who finds no ticket enters the list of those who wait before it looks once more, and a ticket is
/// given back before the list is looked at; so one of the two sees the other. All who wait are woken, wherever the
/// request ended: that its own thread accepts is not to be relied on, for it may be waiting for a connection that
/// the kernel has told another thread of.
///
/// Owns: nothing. Thread: any. Life: outlives its tickets.
class RequestLimit {
public:
    /// \param most how many tickets there are
    explicit RequestLimit(std::size_t most) noexcept : most_(most) {}
    RequestLimit(const RequestLimit&) = delete;
    RequestLimit& operator=(const RequestLimit&) = delete;

    /// Sets how many tickets there are. Those that have been taken count.
    /// \param most how many
    void set_most(std::size_t most) noexcept { most_ = most; }

    /// How many tickets there are.
    [[nodiscard]] std::size_t most() const noexcept { return most_; }

    /// Takes a ticket; an empty one if there is none.
    [[nodiscard]] RequestTicket take() noexcept;

    /// Whether there is no ticket left.
    [[nodiscard]] bool exhausted() const noexcept { return taken_ >= most_; }

    /// Waits in the calling context until there may be a ticket, or somebody unparks its waiter.
    /// \param deadline when to give up
    void wait(Deadline deadline);

private:
    friend class RequestTicket;
    class Waiting;
    void give_back() noexcept;

    std::atomic<std::size_t> most_;
    std::atomic<std::size_t> taken_{0};
    std::atomic<std::size_t> waiting_count_{0};  // entries of waiting_
    std::mutex mutex_;
    Waiting* waiting_ = nullptr;  // guarded by mutex_
};

inline RequestTicket::~RequestTicket() {
    if (limit_ != nullptr)
        limit_->give_back();
}

}  // namespace socketserver
