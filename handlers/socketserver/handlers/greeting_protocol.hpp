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

    /// Commands that try the demo program; `$0` stands for it.
    static constexpr std::string_view examples = "$0 &\n"
                                                 "nc 127.0.0.1 8088";

    void connection_made() override;
};

}  // namespace socketserver
