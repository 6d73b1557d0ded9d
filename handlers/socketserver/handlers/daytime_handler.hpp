#pragma once

/// \file
/// The daytime service (RFC 867).

#include <socketserver/datagram_request_handler.hpp>
#include <socketserver/stream_request_handler.hpp>

#include <cstdint>
#include <string_view>

namespace socketserver {

/// Sends the time of day as one line, `Fri Nov 20 20:31:00 2026` with CR and LF, and closes the connection. The time is local,
/// in the format of ctime(3): the RFC leaves that open. What the client sends is not read.
class DaytimeHandler : public StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;

    /// Where the demo program listens.
    static constexpr std::uint16_t default_port = 1313;

    /// What the demo program says of itself.
    static constexpr std::string_view description =
        "The daytime service (RFC 867): whoever connects, or with --udp sends a datagram, gets the time of day.";

    /// Commands that try the demo program; `$0` stands for it.
    static constexpr std::string_view examples = "$0 &\n"
                                                 "nc 127.0.0.1 1313";

    void handle() override;
};

/// Answers a datagram, whatever is in it, with the same line. Datagrams from other services are ignored, see
/// may_be_answered().
class DaytimeDatagramHandler : public DatagramRequestHandler {
public:
    using DatagramRequestHandler::DatagramRequestHandler;

    void handle() override;
};

}  // namespace socketserver
