#pragma once

/// \file
/// The thread of a program that ends its server when a signal comes.

#include <socketserver/detail/program_server.hpp>
#include <socketserver/os/signals.hpp>
#include <socketserver/os/wakeup.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

namespace socketserver::detail {

/// What a program says when it ends with requests running: "time_server: 2 requests cut short by a second signal".
/// \param program its name
/// \param requests how many were running
/// \param why "cut short by a second signal"
/// \return a line with its newline
[[nodiscard]] std::string farewell(const std::string& program, std::uint64_t requests, const std::string& why);

/// Why a program says that it ends with requests running: a second signal came.
inline constexpr auto second_signal = "cut short by a second signal";

/// Waits for signals while the server serves:
///
///     first signal ──▶ requests are asked to end ──drain──▶ cut ──one second──▶ the process ends
///                                    └──second signal──────────────────────────▲
///
/// The process ends by _exit(2) with status 1 and a message on standard error, for a handler that computes cannot
/// be ended in any other way.
///
/// Owns: its thread, which ends with it. Borrows the server and the signals.
class ShutdownThread {
public:
    /// \param server what to end; closed before this object is destroyed
    /// \param signals SIGINT and SIGTERM
    /// \param drain how long requests have to end
    /// \param program the program's name, for messages
    ShutdownThread(ProgramServer& server, const SignalFd& signals, std::chrono::nanoseconds drain, std::string program);
    ~ShutdownThread();
    ShutdownThread(const ShutdownThread&) = delete;
    ShutdownThread& operator=(const ShutdownThread&) = delete;

private:
    enum class Event { finished, signal, too_late };
    void run() const;
    [[nodiscard]] Event wait(Deadline deadline) const;
    [[nodiscard]] std::uint64_t running() const;
    [[noreturn]] void leave(const std::string& why) const;

    ProgramServer& server_;
    const SignalFd& signals_;
    const std::chrono::nanoseconds drain_;
    const std::string program_;
    Wakeup finished_;
    std::thread thread_;
};

}  // namespace socketserver::detail
