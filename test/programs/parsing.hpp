#pragma once

/// \file
/// A protocol to be served, and what becomes of its program's command line.

#include <socketserver/detail/command_line.hpp>

#include <memory>
#include <string>
#include <vector>

namespace socketserver::test {

/// Stands for the handlers of datagrams, of which a command line need only know whether there are any.
class NoHandlers : public detail::HandlerMaker<Datagram> {
public:
    void run(Datagram&, const Address&, ServerContext&) override {}
    [[nodiscard]] bool event_style() const noexcept override { return false; }
    std::unique_ptr<detail::EventSession> begin(Datagram&, const Address&, ServerContext&) override { return nullptr; }
};

inline detail::ServedProtocol make_protocol() {
    detail::ServedProtocol protocol;
    protocol.default_port = 21567;
    protocol.description = "What it does.";
    protocol.examples = "$0 --quiet &\nnc 127.0.0.1 21567";
    protocol.datagrams = std::make_unique<NoHandlers>();
    return protocol;
}

inline detail::CommandLine parse(const std::vector<std::string>& arguments,
                                 const detail::ServedProtocol& protocol = make_protocol()) {
    return detail::parse_command_line(protocol, arguments);
}

/// What is wrong with a command line; "" if nothing is.
inline std::string complaint(const std::vector<std::string>& arguments,
                             const detail::ServedProtocol& protocol = make_protocol()) {
    try {
        static_cast<void>(parse(arguments, protocol));
        return "";
    } catch (const detail::UsageError& failure) {
        return failure.what();
    }
}

}  // namespace socketserver::test
