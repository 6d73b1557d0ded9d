#pragma once

/// \file
/// A service that says one thing.

#include <socketserver/protocol.hpp>

#include <cstdint>
#include <string_view>

namespace socketserver {

/// Says `Thank you for connection`, and ends.
class GreetingProtocol : public Protocol {
public:
    using Protocol::Protocol;

    /// Where the demo program listens.
    static constexpr std::uint16_t default_port = 8088;

    /// What the demo program says of itself.
    static constexpr std::string_view description = "Thanks each client for its connection, and closes it.";

    void connection_made() override;
};

}  // namespace socketserver
