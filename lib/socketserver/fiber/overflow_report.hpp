#pragma once

/// \file
/// Telling which fiber's stack has overflowed.

#include <socketserver/fiber/scheduler.hpp>
#include <socketserver/fiber/stack_pool.hpp>

#include <cstddef>

namespace socketserver {

/// While it lives, a fiber of its scheduler that overflows its stack is named on the standard error output before the process
/// dies of it:
///
///     socketserver: the fiber 127.0.0.1:40112 has overflowed its stack of 262144 bytes
///
/// A handler of SIGSEGV and SIGBUS on an alternate signal stack, since there is no room left on the fiber's. It then puts
/// the former action back and lets the access fault again: the process dies, or does what it would have done, by the
/// original signal. Faults that are no overflow of a fiber pass through it without a word.
///
/// Under AddressSanitizer and ThreadSanitizer it does nothing: they handle these signals themselves, on stacks of their own, and
/// report more.
///
/// Owns: the thread's alternate signal stack, unless the thread has one already; its share in the handler, which is the
/// whole process's and installed as long as there is one report. Borrows the scheduler and its stacks. Thread: the
/// scheduler's, for construction and destruction too; several in one thread are destroyed newest first.
class OverflowReport {
public:
    /// Installs what is not installed yet. If that fails there will be no report, which is no reason not to run.
    /// \param stacks where the fibers' stacks come from
    /// \param scheduler the fibers
    OverflowReport(const StackPool& stacks, const Scheduler& scheduler) noexcept;
    OverflowReport(const OverflowReport&) = delete;
    OverflowReport& operator=(const OverflowReport&) = delete;
    ~OverflowReport();

    /// Writes the line if an address lies in the guard below the fiber that runs. Async-signal-safe.
    /// \param address where memory was accessed
    /// \param to the descriptor to write to
    /// \return whether it does
    bool write_if_overflow(const void* address, int to) const noexcept;

    /// The newest one of the calling thread, or null. Async-signal-safe.
    [[nodiscard]] static const OverflowReport* of_this_thread() noexcept;

private:
    void make_signal_stack() noexcept;

    const StackPool& stacks_;
    const Scheduler& scheduler_;
    const OverflowReport* former_ = nullptr;
    void* signal_stack_ = nullptr;  // ours; null if the thread had one
    std::size_t signal_stack_size_ = 0;
};

}  // namespace socketserver
