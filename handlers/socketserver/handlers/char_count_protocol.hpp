#pragma once

/// \file
/// A service that counts the characters of a line.

#include <socketserver/line_protocol.hpp>

#include <cstdint>
#include <string_view>

namespace socketserver {

/// Asks for a line, says how many characters of UTF-8 it has (count_characters()), and ends.
class CharCountProtocol : public LineProtocol {
public:
    using LineProtocol::LineProtocol;

    /// Where the demo program listens.
    static constexpr std::uint16_t default_port = 51423;

    /// What the demo program says of itself.
    static constexpr std::string_view description = "Asks for a line and says how many UTF-8 characters it has.";

    /// Commands that try the demo program; `$0` stands for it.
    static constexpr std::string_view examples = "$0 &\n"
                                                 "telnet 127.0.0.1 51423";

    void connection_made() override;
    void line_received(std::string_view line) override;
    void line_length_exceeded(std::string_view beginning) override;
};

}  // namespace socketserver
