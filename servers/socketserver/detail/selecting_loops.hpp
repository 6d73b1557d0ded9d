#pragma once

/// \file
/// The event loops of a selecting server, which accept requests whatever these are.

#include <socketserver/fiber/fiber_loop.hpp>
#include <socketserver/fiber/stall_watchdog.hpp>
#include <socketserver/net/waiter.hpp>
#include <socketserver/os/deadline.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <latch>
#include <memory>
#include <optional>

namespace socketserver {
class ServerLoop;
}  // namespace socketserver

namespace socketserver::detail {

/// What a thread of a selecting server has while it serves.
///
/// Life: on the stack of its thread. One server may be served by a hook of another, so there may be several, one in the other.
struct SelectingLoop {
    /// \param options of the loop
    /// \param interval how often to call service_actions(); none: after requests only
    SelectingLoop(const FiberLoopOptions& options, std::optional<std::chrono::milliseconds> interval);
    ~SelectingLoop();
    SelectingLoop(const SelectingLoop&) = delete;
    SelectingLoop& operator=(const SelectingLoop&) = delete;

    /// The calling thread's, the innermost. Requires: it serves.
    [[nodiscard]] static SelectingLoop& current() noexcept { return *current_; }

    /// Whether the calling thread has one.
    [[nodiscard]] static bool exists() noexcept { return current_ != nullptr; }

    /// Keeps a descriptor below FD_SETSIZE, which select(2) can watch, for the next connection whose own number is too high: so one
    /// that has been accepted can always be served.
    /// \param like any descriptor
    /// \return its number; -1 if there is none to be had
    [[nodiscard]] int keep_spare(int like);

    FiberLoop loop;              ///< the loop
    Waiter* acceptor = nullptr;  ///< of the fiber that accepts, while there is one
    UniqueFd spare;              ///< see keep_spare()
    std::exception_ptr failure;  ///< what is to come out of serve_forever()

    const std::optional<std::chrono::milliseconds> service_interval;  ///< how often service_actions() is called
    Deadline next_service;                                            ///< when it is called next
    WaitResult waited = WaitResult::timed_out;  ///< how the last wait ended, if nothing was got since
    bool at_limit = false;                      ///< there was no ticket when one was last wanted

private:
    static thread_local SelectingLoop* current_;
    SelectingLoop* const outer_;
};

/// Serves in event loops, one in each thread: a fiber of each accepts, until the server is to stop; then what runs has the time to
/// end that a stop gives.
///
/// What is thrown in one thread and meant to end the server ends all of them, and comes out of serve() or serve_one().
/// Owns: while it serves, the loops, the watchdog, and all threads but the caller's. Borrows the server.
class SelectingLoops {
public:
    /// \param server what to serve
    explicit SelectingLoops(ServerLoop& server) noexcept : server_(server) {}

    /// Serves until a shutdown is asked for.
    /// \param service_interval how often to call service_actions(), in the calling thread
    void serve(std::chrono::milliseconds service_interval);

    /// Serves one request, or calls handle_timeout().
    /// \param deadline until when to wait for one
    void serve_one(Deadline deadline);

    /// Does something in a fiber. What it throws, since it is meant to end more than a request, ends the server.
    /// \param action what
    template <class Action>
    void guarded(Action action) {
        try {
            action();
        } catch (...) {
            failed(std::current_exception());
        }
    }

private:
    struct Together;
    using Life = std::function<void(SelectingLoop&)>;
    std::exception_ptr run_thread(Together& all) noexcept;
    std::exception_ptr run(Together& all, std::optional<std::chrono::milliseconds> service_interval, const Life& life);
    void listen_to_wakeups(SelectingLoop& running);
    void accept(SelectingLoop& running);
    bool accept_or_wait(SelectingLoop& running);
    bool may_make_a_fiber(SelectingLoop& running);
    void accept_one(Deadline deadline);
    void wait_for_request(Deadline deadline, WaitResult& waited);
    void drain(SelectingLoop& running);
    void failed(std::exception_ptr failure) noexcept;

    ServerLoop& server_;
};

}  // namespace socketserver::detail
