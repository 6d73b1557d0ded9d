#pragma once

/// \file
/// How many requests a server's threads may serve at once, all together.

#include <socketserver/net/waiter.hpp>
#include <socketserver/os/deadline.hpp>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <utility>

namespace socketserver::detail {

/// A number of tickets: a request is accepted by whoever holds one, and keeps it until it has ended. So the bound is kept
/// exactly, whoever accepts at the same time.
///
/// Nobody starves: who finds no ticket enters the list of those who wait before it looks once more, and a ticket is
/// given back before the list is looked at; so one of the two sees the other. All who wait are woken, wherever the
/// request ended: that its own thread accepts is not to be relied on, for it may be waiting for a connection that
/// the kernel has told another thread of.
///
/// Owns: nothing. Thread: any. Life: outlives its tickets.
class Admissions {
public:
    /// \param limit how many tickets there are
    explicit Admissions(std::size_t limit) noexcept : limit_(limit) {}

    /// Sets how many tickets there are.
    /// \param limit how many
    /// Requires: no other thread uses it.
    void set_limit(std::size_t limit) noexcept { limit_ = limit; }

    /// Leave to serve one request; given back when destroyed. May be empty.
    class Ticket {
    public:
        Ticket() = default;
        Ticket(Ticket&& other) noexcept : admissions_(std::exchange(other.admissions_, nullptr)) {}
        Ticket& operator=(Ticket&& other) noexcept {
            std::swap(admissions_, other.admissions_);
            return *this;
        }
        ~Ticket() {
            if (admissions_ != nullptr)
                admissions_->give_back();
        }

        /// Whether it is one.
        explicit operator bool() const noexcept { return admissions_ != nullptr; }

    private:
        friend class Admissions;
        explicit Ticket(Admissions& admissions) noexcept : admissions_(&admissions) {}
        Admissions* admissions_ = nullptr;
    };

    /// Takes a ticket; an empty one if there is none.
    [[nodiscard]] Ticket take() noexcept;

    /// Whether there is no ticket left.
    [[nodiscard]] bool exhausted() const noexcept { return taken_ >= limit_; }

    /// Waits in the calling context until there may be a ticket, or somebody unparks its waiter.
    /// \param deadline when to give up
    void wait(Deadline deadline);

private:
    class Waiting;
    void give_back() noexcept;

    std::size_t limit_;
    std::atomic<std::size_t> taken_{0};
    std::atomic<std::size_t> waiting_count_{0};  // entries of waiting_
    std::mutex mutex_;
    Waiting* waiting_ = nullptr;  // guarded by mutex_
};

}  // namespace socketserver::detail
