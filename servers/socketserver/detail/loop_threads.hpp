#pragma once

/// \file
/// Threads that serve side by side, each with an event loop of its own.

#include <exception>
#include <functional>
#include <latch>
#include <span>
#include <thread>
#include <vector>

namespace socketserver::detail {

/// A thread's part in all having made their loops: it arrives without one too, if it could not make it.
///
/// Thread: the one that made it.
class Arrival {
public:
    /// \param all who counts; must outlive this object
    explicit Arrival(std::latch& all) noexcept : all_(all) {}
    ~Arrival();
    Arrival(const Arrival&) = delete;
    Arrival& operator=(const Arrival&) = delete;

    /// Waits until all have arrived.
    void arrive_and_wait();

private:
    std::latch& all_;
    bool arrived_ = false;
};

/// The threads that serve beside the one that called serve_forever(). They take no signals.
///
/// Owns: the threads, which are told to end, and waited for, when it is destroyed. Thread: the one that made it.
class LoopThreads {
public:
    /// \param failures one for each thread, to be set to what ended it; must outlive this object
    /// \param all where each arrives once; if not all threads can be made, the others' arrivals and the caller's are made up for
    /// \param life what each thread does, must not throw; returns what ended it, if anything did
    /// \param end tells all threads to end; must not throw
    /// \throw std::system_error if a thread could not be made; those that were have ended by then
    LoopThreads(std::span<std::exception_ptr> failures, std::latch& all, std::function<std::exception_ptr()> life,
                std::function<void()> end);
    ~LoopThreads();
    LoopThreads(const LoopThreads&) = delete;
    LoopThreads& operator=(const LoopThreads&) = delete;

private:
    void end_all() noexcept;

    const std::function<std::exception_ptr()> life_;
    const std::function<void()> end_;
    std::vector<std::thread> threads_;
};

}  // namespace socketserver::detail
