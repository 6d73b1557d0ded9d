#pragma once

/// \file
/// The one loop around a system call of a socket, through which every operation goes: for the sources of Socket alone.

#include <socketserver/net/request_registry.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/net/waiter.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

namespace socketserver {

/// What a system call does while it cannot go on.
struct Socket::Operation {
    Interest interest;
    Blocks blocks;
    std::optional<std::chrono::nanoseconds> timeout;
    int flags = 0;         // of the call; with MSG_DONTWAIT it does not wait, whatever the time-out
    Deadline deadline{};   // once started, the time-out's end is the latest
    bool started = false;  // the clock has been looked at: what need not wait does without
    bool late = false;     // of pause_for(): the next try is the last, the time is up

    // The time-out counts from here.
    void start() noexcept {
        if (!std::exchange(started, true) && timeout)
            deadline = earlier(deadline, Deadline::after(*timeout));
    }
};

inline IoStatus status_of(WaitResult waited) noexcept {
    switch (waited) {
        case WaitResult::timed_out: return IoStatus::timed_out;
        case WaitResult::stopped: return IoStatus::stopped;
        case WaitResult::cut: return IoStatus::cut;
        case WaitResult::ready: break;
    }
    return IoStatus::ok;
}

/// Counts what went over the connection of a request.
inline void Socket::count_bytes(const Operation& operation, std::size_t count) noexcept {
    RunningRequest* const request = waitable_.request.get();
    if (request == nullptr)
        return;
    if (operation.interest == Interest::writable)
        request->produced(count);
    else if ((operation.flags & MSG_PEEK) == 0)
        request->consumed(count);
}

/// Calls the system until it does something other than "would block" or EINTR.
/// \param call takes the operation's flags, with MSG_DONTWAIT where the kernel may not block, and returns what the system
///   call returned
/// \param before_wait called before each wait that is not the kernel's
/// Part of each operation: a function more to return from after a fiber's wait is one more return that the processor cannot
/// foresee.
template <class Call, class BeforeWait>
__attribute__((always_inline)) inline IoResult Socket::transfer(Operation& operation, error_code& error, Call call,
                                                                BeforeWait before_wait) {
    error = {};
    Waiter& waiter = Waiter::current();
    waiter.flush_pending();
    const bool waits = timeout_ != std::chrono::nanoseconds{0} && (operation.flags & MSG_DONTWAIT) == 0;
    // One system call: the kernel blocks and keeps the time.
    bool kernel_blocks = waits && operation.blocks != Blocks::in_waiter && descriptor_blocks_ &&
                         waiter.may_block_in_kernel(waitable_) &&
                         kernel_keeps_time(operation, waiter.longest_in_kernel());
    if (kernel_blocks)
        operation.start();
    // Where the last read found the end of what had come, another one would only say so again.
    bool wait_first = false;
    if (waits && operation.interest == Interest::readable && std::exchange(waitable_.input_drained(), false))
        wait_first = waiter.remembers_readiness();
    for (std::chrono::milliseconds pause{1};;) {
        if (wait_first) {
            before_wait();
            operation.start();
            const WaitResult waited = operation.blocks == Blocks::in_waiter_unpolled
                                          ? pause_for(operation, waiter, pause)
                                          : waiter.wait(waitable_, operation.interest, operation.deadline);
            if (waited != WaitResult::ready)
                return {0, status_of(waited)};
        }
        const ssize_t count = call(kernel_blocks ? operation.flags : operation.flags | MSG_DONTWAIT);
        if (count >= 0) {
            count_bytes(operation, static_cast<std::size_t>(count));
            return {static_cast<std::size_t>(count), IoStatus::ok};
        }
        const int reason = errno;
        if (reason == EINTR) {
            // Not again in the kernel if that would begin the time-out anew.
            kernel_blocks = kernel_blocks && !operation.timeout && !waiter.longest_in_kernel();
            continue;
        }
        if (reason != EAGAIN && reason != EWOULDBLOCK) {
            error = system_code(reason);
            return {};
        }
        if (!waits)
            return {0, IoStatus::would_block};
        // After a blocking call: its time is up, as the deadline will tell; or somebody has set O_NONBLOCK or
        // SO_RCVTIMEO through another descriptor of the same socket, which is no reason to give up.
        kernel_blocks = false;
        wait_first = true;
    }
}

template <class Call>
__attribute__((always_inline)) inline IoResult Socket::transfer(Operation& operation, error_code& error, Call call) {
    return transfer(operation, error, call, [] {});
}

// For the operations that have no way to tell a status but an error.
inline std::size_t bytes_or_error(const IoResult& result, error_code& error) noexcept {
    if (!error)
        error = to_error(result.status);
    return result.bytes;
}

}  // namespace socketserver
