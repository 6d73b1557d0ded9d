#pragma once

/// \file
/// The seam: the one place where concurrency touches a socket.
///
/// A socket operation tries its system call. Only when the kernel says "would block" does it ask the Waiter of
/// the calling context, and when that says `ready` it tries again:
///
///     Socket::recv_into ──▶ recv(2) ── would block ──▶ Waiter::current().wait(fd, readable, deadline)
///                              ▲                                  │
///                              └──────────── ready ───────────────┘
///
/// A context is a thread, or a fiber of one. Each has one current waiter.

#include <socketserver/net/waitable.hpp>
#include <socketserver/os/deadline.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace socketserver {

class ServerContext;

/// Whether a wait ends when the request is ended by force.
enum class Cut {
    ends_wait,   ///< with WaitResult::cut
    is_ignored,  ///< it goes on: what is waited for is sure to come
};

/// Output that has been written to a buffer and must leave before its context waits.
///
/// An entry of an intrusive list; the list owns nothing.
class PendingOutput {
public:
    PendingOutput(const PendingOutput&) = delete;
    PendingOutput& operator=(const PendingOutput&) = delete;

protected:
    PendingOutput() = default;
    virtual ~PendingOutput() { unlink(); }

    /// Has the current context's next wait send this output first. Does nothing if that is so already.
    void link() noexcept {
        if (waiter_ == nullptr)
            enter_list();
    }
    /// Takes that back.
    void unlink() noexcept {
        if (waiter_ != nullptr)
            leave_list();
    }

private:
    friend class Waiter;
    /// Sends what is pending; already unlinked when called. A failure is kept for the next write.
    virtual void flush_before_wait() noexcept = 0;
    void enter_list() noexcept;
    void leave_list() noexcept;

    class Waiter* waiter_ = nullptr;  // set while linked
    PendingOutput* next_ = nullptr;
    PendingOutput* previous_ = nullptr;
};

/// A context that another one has started, see Waiter::start_beside(). Destroyed by that one, when what it runs has returned
/// or is about to.
class SideContext {
public:
    virtual ~SideContext() = default;
    SideContext(const SideContext&) = delete;
    SideContext& operator=(const SideContext&) = delete;

    /// Ends every wait of the context with WaitResult::cut, now and from now on. Thread: that of the context that started it, or of
    /// another one that this has started.
    virtual void cut() noexcept = 0;

protected:
    SideContext() = default;
};

/// Waits on behalf of one context (a thread or a fiber).
///
/// Owns: nothing. Thread: only the context it belongs to. Lives at least as long as it is anybody's current one.
class Waiter {
public:
    virtual ~Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    /// The waiter of the calling context: what a ScopedWaiter installed, else the thread's own PollWaiter.
    [[nodiscard]] static Waiter& current() noexcept { return installed_ != nullptr ? *installed_ : own(); }

    /// Replaces what is installed in the calling thread: for a scheduler that switches between contexts.
    /// \param waiter the waiter of the context that goes on; null: the thread's own
    /// \return what was installed
    static Waiter* exchange_current(Waiter* waiter) noexcept { return std::exchange(installed_, waiter); }

    /// Sends pending output of this context, then waits.
    /// Requires: where remembers_readiness(), an operation has found that the descriptor is not ready since it was last
    /// told of. Socket::wait() looks first.
    /// \param what the descriptor; must stay open meanwhile
    /// \param interest what to wait for
    /// \param deadline when to give up
    /// \throw boost::system::system_error if waiting itself fails
    WaitResult wait(Waitable& what, Interest interest, Deadline deadline) {
        flush_pending();
        return do_wait(what, interest, deadline);
    }

    /// Sends pending output of this context, then lets time pass.
    /// \param deadline until when
    /// \return WaitResult::timed_out when the time has passed, WaitResult::cut if the request ended before
    WaitResult sleep_until(Deadline deadline);

    /// Sends pending output of this context, then waits until unpark() is called; not at all if it has been called since
    /// the last park(). What one waits for has to be looked at afterwards: an earlier unpark() may have been meant for
    /// something else.
    /// \param deadline when to give up
    /// \param cut whether the wait can be cut
    /// \return ready (unparked), timed_out or cut
    /// \throw boost::system::system_error if waiting itself fails, which it does not if the cut is ignored
    WaitResult park(Deadline deadline, Cut cut = Cut::ends_wait);

    /// Ends the park() that is going on, or else the next one. Does not block. Thread: any, while the waiter is sure to
    /// live.
    virtual void unpark() noexcept = 0;

    /// Whether the descriptor is known to become ready only by a change that do_wait() will be told of, so that an operation may
    /// wait before it tries, once an earlier one has found the end of what was there.
    [[nodiscard]] virtual bool remembers_readiness() const noexcept { return false; }

    /// Starts another context of this one's kind: a fiber of the same loop, or else a thread. Its waits end when it is cut; that the
    /// request of this context is cut ends them only if this one sees to it.
    /// \param work what it runs; must not throw, nor leave output pending, nor wait once this context knows that it ends
    /// \throw boost::system::system_error if there is no stack or thread to be had
    virtual std::unique_ptr<SideContext> start_beside(std::function<void()> work) = 0;

    /// Runs something that blocks without this library's knowing: elsewhere, if it would hold up other contexts.
    /// \param work what to run; must not throw
    virtual void run_blocking(const std::function<void()>& work) { work(); }

    /// Whether an operation on \p what may be left to block inside the kernel, so that it is one system call: only
    /// where it holds up nobody else, and where whoever must end it can.
    /// \param what the descriptor
    [[nodiscard]] virtual bool may_block_in_kernel(const Waitable& what) const noexcept = 0;

    /// The longest that the kernel may block a read that is left to it; afterwards the waiter waits. None: as long as the operation may.
    /// Where there is a bound, writes are not left to the kernel at all.
    [[nodiscard]] std::optional<std::chrono::nanoseconds> longest_in_kernel() const noexcept {
        return longest_in_kernel_;
    }

    /// The server whose request the context serves, or may serve next since it accepts for it; null in every other context.
    [[nodiscard]] const ServerContext* server() const noexcept { return server_; }

    /// Has every wait for something else than a connection end with WaitResult::cut once the peer of the connection has left: it has
    /// reset it, or (a Unix socket) closed it. A peer that has only ended its output has not left.
    /// \param connection must outlive that; null: no more
    void end_with_peer_of(Waitable* connection) noexcept {
        if (std::exchange(connection_, connection) != connection)
            connection_changed();
    }

    /// The connection, if there is one.
    [[nodiscard]] Waitable* ends_with_peer_of() const noexcept { return connection_; }

    /// Sends the output that this context has pending, before an operation that may wait.
    void flush_pending() noexcept {
        if (pending_ != nullptr)
            flush_all();
    }

protected:
    /// \param server the server whose request the context serves, if any
    /// \param longest_in_kernel see longest_in_kernel()
    explicit Waiter(const ServerContext* server = nullptr,
                    std::optional<std::chrono::nanoseconds> longest_in_kernel = {}) noexcept
        : server_(server), longest_in_kernel_(longest_in_kernel) {}

private:
    friend class PendingOutput;
    [[nodiscard]] static Waiter& own() noexcept;
    virtual void connection_changed() noexcept {}
    virtual WaitResult do_wait(Waitable& what, Interest interest, Deadline deadline) = 0;
    virtual WaitResult do_sleep(Deadline deadline) = 0;
    virtual WaitResult do_park(Deadline deadline, Cut cut) = 0;
    void flush_all() noexcept;

    // What is installed in this thread. A fiber scheduler swaps it with the fiber it runs.
    static constinit thread_local Waiter* installed_;

    const ServerContext* server_;
    const std::optional<std::chrono::nanoseconds> longest_in_kernel_;
    PendingOutput* pending_ = nullptr;
    Waitable* connection_ = nullptr;
};

/// Makes a waiter the calling context's current one for as long as it lives.
///
/// Thread: destroyed by the context that made it, innermost first.
class ScopedWaiter {
public:
    /// \param waiter the waiter to install; must outlive this object
    explicit ScopedWaiter(Waiter& waiter) noexcept : former_(Waiter::exchange_current(&waiter)) {}
    ~ScopedWaiter() { Waiter::exchange_current(former_); }
    ScopedWaiter(const ScopedWaiter&) = delete;
    ScopedWaiter& operator=(const ScopedWaiter&) = delete;

private:
    Waiter* former_;
};

/// Lets time pass without holding up anybody but the calling context.
/// \param span how long
/// \return WaitResult::timed_out when the time has passed, WaitResult::cut if the server ended the request before:
///   return from the handler then
/// Thread: any.
inline WaitResult sleep_for(std::chrono::nanoseconds span) {
    return Waiter::current().sleep_until(Deadline::after(span));
}

/// Lets others of the same loop run, and then goes on: for a handler whose operations may find for long that they need not wait,
/// such as one that sends without end to a client that reads as fast. In a thread of its own nobody is held up; there it
/// only looks whether it is cut. Pending output of the context is sent first.
/// \return WaitResult::timed_out, or WaitResult::cut if the server has ended the request: return from the handler then
/// Thread: any.
inline WaitResult give_way() {
    return Waiter::current().sleep_until(Deadline::now());
}

}  // namespace socketserver
