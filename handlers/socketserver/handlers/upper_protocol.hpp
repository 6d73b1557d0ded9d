#pragma once

/// \file
/// A service that turns letters into capitals.

#include <socketserver/protocol.hpp>

#include <cstdint>
#include <string_view>

namespace socketserver {

/// Sends back what comes, as it comes, with capitals in place of the letters a to z; other bytes as they are.
class UpperProtocol : public Protocol {
public:
    using Protocol::Protocol;

    /// Where the demo program listens.
    static constexpr std::uint16_t default_port = 8081;

    /// What the demo program says of itself.
    static constexpr std::string_view description = "Sends back what comes, with capitals in place of small letters.";

    /// Commands that try the demo program; `$0` stands for it.
    static constexpr std::string_view examples = "$0 &\n"
                                                 "printf 'hello\\n' | nc -q1 127.0.0.1 8081";

    void data_received(std::string_view data) override;
};

}  // namespace socketserver
