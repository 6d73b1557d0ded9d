#include <socketserver/detail/stall_report.hpp>

#include <exception>
#include <string>

namespace socketserver::detail {

namespace {

void tell(const ServerContext& server, const StallWatchdog::Stall& stall, std::chrono::nanoseconds limit) {
    const auto& [waits_in, frames] = stall.activity;
    std::string line = stall.fiber.empty() ? "a hook of the server" : "request from " + stall.fiber;
    line += ": holds up all others of its thread for more than " +
            std::to_string(std::chrono::ceil<std::chrono::milliseconds>(limit).count()) + " ms";
    if (!waits_in.empty())
        line += ", waiting in " + waits_in;
    line += "; what blocks or computes is for offload()";
    if (!frames.empty())
        line += ". It is at:";
    server.log(Severity::warning, line);
    for (const std::string& frame : frames)
        server.log(Severity::warning, "    " + frame);
}

}  // namespace

std::unique_ptr<StallWatchdog> make_stall_watchdog(const ServerContext& server, std::chrono::nanoseconds limit,
                                                   std::atomic<std::uint64_t>& count) {
    if (limit.count() <= 0)
        return nullptr;
    const auto tell_log = [&server, limit, &count](const StallWatchdog::Stall& stall) {
        ++count;
        try {
            tell(server, stall, limit);
        } catch (const std::exception&) {  // no memory
            server.log(Severity::warning, "a handler holds up all others of its thread");
        }
    };
    try {
        return std::make_unique<StallWatchdog>(limit, tell_log);
    } catch (const std::exception& failure) {
        server.log(Severity::warning,
                   std::string("handlers that hold up others will not be told of: ") + failure.what());
        return nullptr;
    }
}

}  // namespace socketserver::detail
