#pragma once

/// \file
/// The echo service (RFC 862), by lines and by bytes.

#include <socketserver/datagram_request_handler.hpp>
#include <socketserver/stream_request_handler.hpp>

#include <cstdint>
#include <string_view>

namespace socketserver {

/// How echo is done.
struct EchoOptions {
    bool raw = false;  ///< every byte as it comes (RFC 862), instead of whole lines

    /// Declares its options on a command line.
    /// \param add takes (name, what it does, the variable)
    template <class Add>
    void declare(Add&& add) {
        add("raw", "send each byte back at once, instead of whole lines", raw);
    }
};

/// Sends back what the client sends, line by line; a last line without line end comes back without one.
class EchoHandler : public StreamRequestHandler {
public:
    /// What its command line takes.
    using Options = EchoOptions;

    /// Where the demo program listens.
    static constexpr std::uint16_t default_port = 7007;

    /// What the demo program says of itself.
    static constexpr std::string_view description =
        "The echo service: each line, or with --udp each datagram, comes back.";

    /// Commands that try the demo program; `$0` stands for it.
    static constexpr std::string_view examples = "$0 --udp &\n"
                                                 "nc -u 127.0.0.1 7007";

    using StreamRequestHandler::StreamRequestHandler;

    /// See StreamRequestHandler.
    /// \param options how to echo; shared by all handlers of a server, constant
    EchoHandler(Socket& the_request, const Address& client, ServerContext& the_server, const EchoOptions& options)
        : StreamRequestHandler(the_request, client, the_server), raw_(options.raw) {}

    void handle() override;

private:
    bool raw_ = false;
};

/// Sends a datagram back.
class EchoDatagramHandler : public DatagramRequestHandler {
public:
    using DatagramRequestHandler::DatagramRequestHandler;

    /// Sends it back, also an empty one. Datagrams from other services are ignored, see may_be_answered().
    void handle() override;
};

}  // namespace socketserver
