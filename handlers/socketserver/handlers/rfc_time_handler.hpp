#pragma once

/// \file
/// The time service of machines (RFC 868). For the one of people, whose answers are text, see time_handler.hpp.

#include <socketserver/datagram_request_handler.hpp>
#include <socketserver/stream_request_handler.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace socketserver {

/// A point in time as RFC 868 sends it: the seconds since 1900-01-01 00:00 UTC as a 32-bit number, the most significant byte
/// first. It begins anew on 2036-02-07 at 06:28:16 UTC, as the RFC's numbers do.
/// \param when the point in time; a fraction of a second is dropped
/// Thread: any.
[[nodiscard]] std::array<char, 4> rfc868_time(std::chrono::system_clock::time_point when) noexcept;

/// Sends the time as four bytes, see rfc868_time(), and closes the connection. `rdate -p -o 3737 127.0.0.1` asks it.
class RfcTimeHandler : public StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;

    /// Where the demo program listens.
    static constexpr std::uint16_t default_port = 3737;

    /// What the demo program says of itself.
    static constexpr std::string_view description =
        "The time service (RFC 868): whoever connects, or with --udp sends a datagram, gets the seconds since 1900, as "
        "four bytes.";

    /// Commands that try the demo program; `$0` stands for it.
    static constexpr std::string_view examples = "$0 &\n"
                                                 "rdate -p -o 3737 127.0.0.1";

    void handle() override;
};

/// Answers a datagram, whatever is in it, with the same four bytes. Datagrams from other services are ignored, see
/// may_be_answered().
class RfcTimeDatagramHandler : public DatagramRequestHandler {
public:
    using DatagramRequestHandler::DatagramRequestHandler;

    void handle() override;
};

}  // namespace socketserver
