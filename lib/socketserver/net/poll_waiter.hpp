#pragma once

/// \file
/// The waiter of threads: the calling thread itself waits, in poll(2).

#include <socketserver/net/waiter.hpp>
#include <socketserver/os/wakeup.hpp>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace socketserver {

/// What a thread has to see to by itself while it waits, because no other one does.
///
/// Thread: the one that waits.
class Duty {
public:
    virtual ~Duty() = default;
    Duty(const Duty&) = delete;
    Duty& operator=(const Duty&) = delete;

    /// Becomes readable when see_to_it() is to be called; -1: never.
    [[nodiscard]] virtual int fd() const noexcept = 0;

    /// Called before each wait, when fd() has become readable, and when the time has come.
    /// \param woken whether fd() is readable
    /// \return by when to be called again
    virtual Deadline see_to_it(bool woken) noexcept = 0;

protected:
    Duty() = default;
};

/// Waits by putting the calling thread to sleep: blocking, forking and threading servers, clients, tests.
///
/// Borrows the Wakeup by which a server cuts its requests. Thread: the one it is installed in.
class PollWaiter final : public Waiter {
public:
    /// A waiter that nothing cuts.
    PollWaiter() = default;

    /// A waiter for a request of a server.
    /// \param cut notified, and left so, when every wait is to end with WaitResult::cut; must outlive this object
    /// \param server the server
    explicit PollWaiter(const Wakeup& cut, const ServerContext* server = nullptr) noexcept
        : Waiter(server), cut_(&cut) {}

    /// The same, in a thread that has a duty. Of a wait inside the kernel that learns only when longest_before_duty is over, or a signal
    /// interrupts it.
    /// \param duty outlives this object
    PollWaiter(const Wakeup& cut, const ServerContext* server, Duty& duty) noexcept
        : Waiter(server, longest_before_duty), cut_(&cut), duty_(&duty) {}

    /// Nothing else runs in this thread, so the kernel may block it; unless the wait could then not be cut, since
    /// only a request's own connection is shut down by the server that cuts it, and for all its contexts at once.
    [[nodiscard]] bool may_block_in_kernel(const Waitable& what) const noexcept override {
        return cut_ == nullptr || (what.request != nullptr && shared_ == Shared::no);
    }

    void unpark() noexcept override;

    std::unique_ptr<SideContext> start_beside(std::function<void()> work) override;

private:
    class SideThread;

    /// Whether other contexts of a request use its connection, too.
    enum class Shared { no, with_other_contexts };

    PollWaiter(const Wakeup& cut, const ServerContext* server, Shared shared) noexcept
        : Waiter(server), cut_(&cut), shared_(shared) {}

    WaitResult do_wait(Waitable& what, Interest interest, Deadline deadline) override;
    WaitResult do_sleep(Deadline deadline) override;
    WaitResult do_park(Deadline deadline, Cut cut) override;
    [[nodiscard]] int looks_after(int fd) const noexcept;
    [[nodiscard]] bool peer_has_left(short events) const noexcept;
    WaitResult poll_until(int fd, short events, Deadline deadline);

    static constexpr std::chrono::milliseconds longest_before_duty{100};

    const Wakeup* cut_ = nullptr;
    const Shared shared_ = Shared::no;
    Duty* duty_ = nullptr;

    std::mutex mutex_;
    // Made when first parked, since a waiter is made for each request: the one, or the other where it can be cut.
    std::optional<std::condition_variable> unparked_;  // guarded by mutex_
    std::optional<Wakeup> unparked_descriptor_;
    bool permit_ = false;   // guarded by mutex_: unpark() has been called
    bool polling_ = false;  // guarded by mutex_: parked at the descriptor
};

}  // namespace socketserver
