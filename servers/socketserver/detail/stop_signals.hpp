#pragma once

/// \file
/// The signals that end a server (ServerOptions::stop_signals).

#include <socketserver/detail/stop_schedule.hpp>
#include <socketserver/os/signal_timer.hpp>
#include <socketserver/serving/server_context.hpp>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <string_view>

namespace socketserver::detail {

/// Has SIGINT and SIGTERM end a server, for as long as it lives:
///
///     first signal ──▶ request_shutdown() ──drain and after_cut──▶ the process ends
///                              └────────second signal──────────────▲
///
/// The process ends by _exit(2) with status 1 and a line on standard error, for a handler that computes cannot be ended in any
/// other way; but only if requests run. Where they run in children, these are cut first (StopTimes::cut_now), and the
/// process ends when leave_if_cut_short() is called.
///
/// A handler of signals does all that, so it works in every mode and whatever the threads do. It is installed with the first of
/// these objects and gone with the last, when what the program did with the signals before is back; signals that
/// are ignored stay so. In a child that somebody else has forked they do what they do by default.
///
/// Thread: any. Borrows the server.
class StopSignals {
public:
    /// \param server what to end; not used any more once server_closed() has been called
    /// \param times how long its requests have
    StopSignals(ServerContext& server, StopTimes& times) noexcept;
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

    /// The next signal is a first one again: the server is about to serve.
    void rearm() noexcept;

    /// The server has closed: signals have no effect any more, and no handler of theirs uses it.
    void server_closed() noexcept;

    /// Ends the process if a second signal has cut requests short that ran in children.
    void leave_if_cut_short() const noexcept;

private:
    static void on_signal(int signal, siginfo_t* info, void* context) noexcept;
    void come(const siginfo_t& info) noexcept;
    void ask() noexcept;
    [[nodiscard]] std::uint64_t running() const noexcept;
    [[noreturn]] void leave(std::uint64_t requests, std::string_view why) const noexcept;

    std::atomic<ServerContext*> server_;  // null once it has closed
    StopTimes& times_;
    const bool can_tell_;             // descriptor 2 was standard error when this was made, and not closed
    std::atomic<bool> asked_{false};  // a first signal has come
    std::atomic<std::uint64_t> cut_short_{0};
    SignalTimer too_late_;
    std::atomic<StopSignals*> next_{nullptr};
};

}  // namespace socketserver::detail
