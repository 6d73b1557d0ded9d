#pragma once

/// \file
/// What a thread is doing just now, for messages.

#include <sys/types.h>

#include <csignal>
#include <cstddef>
#include <string>
#include <vector>

namespace socketserver {

/// What a thread was doing at one moment, as far as the platform tells. A value.
struct ThreadActivity {
    /// If it waited in the kernel, in what: `poll(2)`, or `system call 435` for one that is seldom waited in. Else empty.
    std::string waits_in;
    /// If it computed, its stack, innermost first, at most ThreadTrace::most_frames: each as backtrace_symbols(3) has it, with the
    /// names of C++ as they are written, of long ones the beginning, `PROGRAM(FUNCTION+0xOFFSET) [ADDRESS]`. Names are known of functions that the
    /// dynamic linker knows (-rdynamic); where there is none, addr2line(1) takes PROGRAM and 0xOFFSET.
    std::vector<std::string> frames;
};

/// Finds out what other threads of the process are doing.
///
/// One that waits in the kernel is not disturbed: proc(5) tells in which system call. One that computes is asked by SIGURG, which
/// nobody minds who has not asked for it, and writes down its stack (backtrace(3)) in the handler, on its alternate
/// signal stack if it has one. Should it come to wait just before the signal does, its system call may end with EINTR as
/// after any signal (signal(7)); most are restarted (SA_RESTART).
///
/// A program that has an action of its own for SIGURG keeps it, and of threads that compute nothing is told then; nor where there is
/// no backtrace(3), nor of threads that block the signal. One that takes it by signalfd(2) or sigwait(3) has none, and would lose
/// it to the threads that can be asked.
///
/// Owns: its share in the handler, which is the whole process's and installed as long as there is one of these. Thread: any.
class ThreadTrace {
public:
    /// How many frames of a stack are told.
    static constexpr std::size_t most_frames = 32;

    /// Installs the handler, if nobody has an action for the signal.
    ThreadTrace() noexcept;
    ~ThreadTrace();
    ThreadTrace(const ThreadTrace&) = delete;
    ThreadTrace& operator=(const ThreadTrace&) = delete;

    /// What a thread is doing. Waits for its answer, at most a second or two; threads are asked one at a time.
    /// \param thread its number (gettid(2)); another one than the caller
    /// \return what could be found out, which may be nothing
    /// \throw std::bad_alloc
    [[nodiscard]] ThreadActivity of(pid_t thread) const;

    /// Whether a thread waits in the kernel.
    /// \param thread its number
    /// \return false also if that cannot be found out
    /// \throw std::bad_alloc
    [[nodiscard]] static bool waits(pid_t thread);

    /// Lets the calling thread be asked for as long as it lives, even if it was started with the signal blocked.
    ///
    /// Thread: destroy it in the thread that made it. Life: within that of a ThreadTrace.
    class Askable {
    public:
        /// Unblocks the signal, if the handler is installed.
        Askable() noexcept;
        ~Askable();
        Askable(const Askable&) = delete;
        Askable& operator=(const Askable&) = delete;

    private:
        sigset_t former_;
    };
};

}  // namespace socketserver
