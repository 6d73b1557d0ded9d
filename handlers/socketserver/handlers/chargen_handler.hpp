#pragma once

/// \file
/// The character generator (RFC 864).

#include <socketserver/datagram_request_handler.hpp>
#include <socketserver/stream_request_handler.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace socketserver {

/// The characters in a line of the generator, without CR and LF.
inline constexpr std::size_t chargen_line_length = 72;

/// A line of the generator, with CR and LF: 72 of the 95 printing ASCII characters in a ring, which begin with the space; each
/// line begins one character later than the one before.
/// \param number which line; the first one is 0, and line 95 is the first one again
/// Thread: any.
[[nodiscard]] std::array<char, chargen_line_length + 2> chargen_line(std::uint64_t number) noexcept;

/// The beginning of what the generator sends.
/// \param size how many bytes
/// Thread: any.
[[nodiscard]] std::string chargen_text(std::size_t size);

/// Sends lines, see chargen_line(), until the client closes the connection. What the client sends is not read. A client
/// that reads slowly is sent to slowly, and others get their turn in between.
class ChargenHandler : public StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;

    /// Where the demo program listens.
    static constexpr std::uint16_t default_port = 1919;

    /// What the demo program says of itself.
    static constexpr std::string_view description =
        "The character generator (RFC 864): lines without end, or with --udp some characters for each datagram.";

    /// Commands that try the demo program; `$0` stands for it.
    static constexpr std::string_view examples = "$0 &\n"
                                                 "nc 127.0.0.1 1919 | head";

    void handle() override;
};

/// Answers a datagram, whatever is in it, with a random number of characters from 0 to 512. Datagrams from
/// other services are ignored, see may_be_answered().
class ChargenDatagramHandler : public DatagramRequestHandler {
public:
    using DatagramRequestHandler::DatagramRequestHandler;

    /// The most characters in a reply (RFC 864, "UDP Based Character Generator Service").
    static constexpr std::size_t longest_reply = 512;

    void handle() override;
};

}  // namespace socketserver
