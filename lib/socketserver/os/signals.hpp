#pragma once

/// \file
/// Signals as something to wait for with a descriptor, and masks that end with a scope.

#include <socketserver/os/unique_fd.hpp>

#include <csignal>
#include <initializer_list>
#include <optional>

namespace socketserver {

/// Blocks signals in the calling thread for as long as it lives, then puts the former mask back.
///
/// Thread: destroy it in the thread that made it. Threads started meanwhile inherit the mask.
class ScopedSignalBlock {
public:
    /// Blocks the signals (pthread_sigmask(3)).
    /// \param signals the signals to block
    ScopedSignalBlock(std::initializer_list<int> signals) noexcept;

    /// Blocks every signal but those by which the kernel tells a thread of its own fault (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
    /// SIGSYS), which cannot wait: for the making of threads that no handler is to interrupt.
    [[nodiscard]] static ScopedSignalBlock asynchronous() noexcept;

    ~ScopedSignalBlock();
    ScopedSignalBlock(const ScopedSignalBlock&) = delete;
    ScopedSignalBlock& operator=(const ScopedSignalBlock&) = delete;

private:
    friend class SignalFd;
    explicit ScopedSignalBlock(const sigset_t& signals) noexcept;

    sigset_t former_;
};

/// Keeps a write that nobody reads, or to a file at its limit, from ending the program for as long as this lives: it fails with EPIPE or
/// EFBIG, and the signal that comes with that (SIGPIPE, SIGXFSZ) is thrown away, whatever the program does with such signals.
///
/// Thread: destroy it in the thread that made it; write there.
class ScopedOutputSignals {
public:
    /// Blocks the two.
    ScopedOutputSignals() noexcept;
    ~ScopedOutputSignals();
    ScopedOutputSignals(const ScopedOutputSignals&) = delete;
    ScopedOutputSignals& operator=(const ScopedOutputSignals&) = delete;

private:
    const ScopedSignalBlock block_{SIGPIPE, SIGXFSZ};
    sigset_t ours_;  // those of the two that were not pending before
};

/// Whether this process ignores a signal. Thread: any.
[[nodiscard]] bool is_ignored(int signal) noexcept;

/// Has children that end stay until they are waited for. Where SIGCHLD is ignored, which a program may inherit from who starts it, or
/// has the flag SA_NOCLDWAIT, the kernel forgets them, and how they ended (wait(2)): so SIGCHLD gets its default
/// back, or its handler loses the flag. Whatever here makes children calls it. Thread: any.
void keep_ended_children() noexcept;

/// Receives signals through a descriptor (signalfd(2)) instead of a handler, so that no code runs at an
/// arbitrary point of the program. Those that the process ignores stay ignored, as nohup(1) and shells want it for what they
/// start in the background: they are neither blocked nor received.
///
/// Owns: the descriptor, and the block on its signals in the thread that made it: make it before any other
/// thread, so that all inherit the block. Thread: take() from any.
class SignalFd {
public:
    /// Blocks the signals and opens the descriptor.
    /// \param signals the signals to receive
    /// \throw boost::system::system_error if signalfd(2) fails
    explicit SignalFd(std::initializer_list<int> signals);

    /// The descriptor to wait on for input.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    /// Takes the next pending signal without waiting.
    /// \return its number, or nothing if none is pending
    std::optional<int> take() const;

private:
    explicit SignalFd(const sigset_t& signals);

    ScopedSignalBlock block_;
    UniqueFd fd_;
};

}  // namespace socketserver
