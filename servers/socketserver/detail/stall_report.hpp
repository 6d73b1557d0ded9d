#pragma once

/// \file
/// Telling the log which handlers hold up their thread.

#include <socketserver/fiber/stall_watchdog.hpp>
#include <socketserver/serving/server_context.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

namespace socketserver::detail {

/// Makes a watchdog that tells a server's log of each handler that holds up its thread: its peer, and as far as the platform tells
/// what the thread waits in, or its stack, in further lines.
/// \param server whose log it is; must outlive the watchdog
/// \param limit how long a handler may run without waiting; 0: for ever
/// \param count of handlers that were told of; must outlive the watchdog
/// \return null if there is no limit, or no thread to be had, of which the log is told
[[nodiscard]] std::unique_ptr<StallWatchdog>
make_stall_watchdog(const ServerContext& server, std::chrono::nanoseconds limit, std::atomic<std::uint64_t>& count);

}  // namespace socketserver::detail
