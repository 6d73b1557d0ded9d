#pragma once

/// \file
/// Threads that take turns at waiting for requests: the one that gets a request serves it, and another takes its place.

#include <socketserver/detail/request_threads.hpp>
#include <socketserver/os/deadline.hpp>

#include <semaphore.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace socketserver::detail {

/// Leader and followers: at most one thread leads (waits for a request); those without a request follow (wait until they may
/// lead); the others serve.
///
///                      ┌────────── lead() ───────────┐
///     thread begins ───┤                             ├──▶ leads ──step_down()──▶ serves ──lead()──▶ ...
///                      └──▶ follows ── chosen ───────┘
///
/// Who steps down chooses the follower that has served last, whose stack and caches are warm; if there is none, a new
/// thread is made. A thread that would be one follower too many leaves.
///
/// Owns: the threads. Life: join() has returned true before it is destroyed.
class LeaderFollowers {
public:
    /// How many threads there are. A value.
    struct Limits {
        std::size_t least;       ///< made at the beginning
        std::size_t most;        ///< that may exist at once
        std::size_t followers;   ///< that may wait to lead
        std::size_t stack_size;  ///< of each, in bytes
    };

    /// \param limits how many threads
    /// \param life what each thread does: it calls lead() until that says no
    /// \param no_thread told why a thread could not be made; called by any thread, for the first of several failures
    LeaderFollowers(Limits limits, std::function<void()> life, std::function<void(const std::exception&)> no_thread)
        : limits_(limits), life_(std::move(life)), no_thread_(std::move(no_thread)) {}
    LeaderFollowers(const LeaderFollowers&) = delete;
    LeaderFollowers& operator=(const LeaderFollowers&) = delete;

    // For the serving thread

    /// Lets threads lead from now on. Makes none yet.
    /// \param most how many may exist at once, at least 1, in place of what the limits said
    void open(std::size_t most);

    /// Makes the threads that are fewer than the least number, unless it is closed.
    /// \return false if some could not be made
    bool fill();

    /// Leads if nobody does: for what must not be done while somebody leads. step_down() follows.
    [[nodiscard]] bool lead_if_vacant();

    /// Lets nobody lead any more: followers leave, and threads that serve leave when they have done.
    void close();

    /// Waits until nobody leads. Whoever leads must have been told to step down.
    void wait_until_vacant();

    /// The threads.
    [[nodiscard]] RequestThreads& threads() noexcept { return threads_; }
    /// \copydoc threads()
    [[nodiscard]] const RequestThreads& threads() const noexcept { return threads_; }

    // For the threads

    /// Waits until the calling thread leads.
    /// \return false: it is to leave
    bool lead();

    /// Whether the calling thread leads.
    [[nodiscard]] bool leads() const noexcept {
        return leader_.load(std::memory_order_relaxed) == std::this_thread::get_id();
    }

    /// Has another thread lead.
    /// \return false if there may be no more threads, so that none leads before one has done
    bool step_down() noexcept;

    /// How many threads wait to lead. Thread: any.
    [[nodiscard]] std::size_t followers() const;

    /// Whether nobody is to lead any more. Thread: any.
    [[nodiscard]] bool closed() const;

private:
    // A thread that waits to lead; on its stack.
    class Follower {
    public:
        Follower() noexcept { ::sem_init(&chosen_or_dismissed_, 0, 0); }
        ~Follower() { ::sem_destroy(&chosen_or_dismissed_); }
        Follower(const Follower&) = delete;
        Follower& operator=(const Follower&) = delete;

        void wait() noexcept;
        void wake() noexcept { ::sem_post(&chosen_or_dismissed_); }

        Follower* next = nullptr;
        bool chosen = false;  // written before wake()

    private:
        ::sem_t chosen_or_dismissed_{};
    };

    bool start_thread() noexcept;
    void left() noexcept;
    bool begin_to_lead() noexcept;

    Limits limits_;  // .least and .most are guarded by mutex_
    const std::function<void()> life_;
    const std::function<void(const std::exception&)> no_thread_;
    mutable std::mutex mutex_;
    std::condition_variable vacant_;
    Follower* followers_ = nullptr;        // guarded by mutex_; the last one to come is first
    std::size_t follower_count_ = 0;       // guarded by mutex_
    std::size_t members_ = 0;              // threads made by start_thread() that have not left; guarded by mutex_
    bool open_ = false;                    // guarded by mutex_
    bool led_ = false;                     // guarded by mutex_
    std::atomic<std::thread::id> leader_;  // who leads sets and clears it, so that nobody else mistakes it for himself
    bool short_of_threads_ = false;        // guarded by mutex_: the last attempt to make one failed
    RequestThreads threads_;
};

}  // namespace socketserver::detail
