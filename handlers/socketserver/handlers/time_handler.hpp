#pragma once

/// \file
/// The time service: each line comes back with the time before it.

#include <socketserver/datagram_request_handler.hpp>
#include <socketserver/stream_request_handler.hpp>

#include <cstdint>
#include <string_view>

namespace socketserver {

/// Answers each line with `[Fri Nov 20 20:31:00 2026] LINE`, until the client sends no more. The time is local, in the
/// format of ctime(3).
class TimeHandler : public StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;

    /// Where the demo program listens.
    static constexpr std::uint16_t default_port = 21567;

    /// What the demo program says of itself.
    static constexpr std::string_view description =
        "The time service: each line, or with --udp each datagram, comes back with the time before it.";

    /// Commands that try the demo program; `$0` stands for it.
    static constexpr std::string_view examples = "$0 --mode forking &\n"
                                                 "nc 127.0.0.1 21567";

    void handle() override;
};

/// Answers a datagram with `[Fri Nov 20 20:31:00 2026] DATA`. Datagrams from other services are ignored, see may_be_answered().
class TimeDatagramHandler : public DatagramRequestHandler {
public:
    using DatagramRequestHandler::DatagramRequestHandler;

    void handle() override;
};

}  // namespace socketserver
