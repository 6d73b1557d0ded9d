#pragma once

/// \file
/// The discard service (RFC 863).

#include <socketserver/datagram_request_handler.hpp>
#include <socketserver/stream_request_handler.hpp>

#include <cstdint>
#include <string_view>

namespace socketserver {

/// Throws away what the client sends, until it sends no more. Sends nothing.
class DiscardHandler : public StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;

    /// Where the demo program listens.
    static constexpr std::uint16_t default_port = 9009;

    /// What the demo program says of itself.
    static constexpr std::string_view description =
        "The discard service (RFC 863): whatever comes is thrown away, and nothing is sent.";

    /// Commands that try the demo program; `$0` stands for it.
    static constexpr std::string_view examples = "$0 &\n"
                                                 "nc -N 127.0.0.1 9009 <README.md";

    void handle() override;
};

/// Throws a datagram away.
class DiscardDatagramHandler : public DatagramRequestHandler {
public:
    using DatagramRequestHandler::DatagramRequestHandler;

    void handle() override {}
};

}  // namespace socketserver
