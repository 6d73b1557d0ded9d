#pragma once

/// \file
/// The time service as an event-style protocol.

#include <socketserver/line_protocol.hpp>
#include <socketserver/os/shared_memory.hpp>
#include <socketserver/protocol_factory.hpp>

#include <atomic>
#include <cstdint>
#include <string_view>

namespace socketserver {

/// What the connections of the time service share. Thread: any, also of forked children.
class TimeFactory : public ProtocolFactory {
public:
    /// Counts a line that is answered.
    void count_line() noexcept { ++*lines_; }

    /// How many lines have been answered, over all connections.
    [[nodiscard]] std::uint64_t lines() const noexcept { return *lines_; }

private:
    SharedMemory<std::atomic<std::uint64_t>> lines_;
};

/// Does what TimeHandler does, called for each line: answers it with `[Fri Nov 20 20:31:00 2026] LINE`. Logs the
/// end of each connection.
class TimeProtocol : public WithFactory<LineProtocol, TimeFactory> {
public:
    using WithFactory::WithFactory;

    /// Where the demo program listens.
    static constexpr std::uint16_t default_port = 21567;

    /// What the demo program says of itself.
    static constexpr std::string_view description =
        "The time service as an event-style protocol: each line comes back with the time before it.";

    /// Commands that try the demo program; `$0` stands for it.
    static constexpr std::string_view examples = "$0 &\n"
                                                 "printf 'hello\\n' | nc -q1 127.0.0.1 21567";

    void line_received(std::string_view line) override;
    void connection_lost(const error_code& reason) override;
};

}  // namespace socketserver
