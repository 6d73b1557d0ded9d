#pragma once

/// \file
/// What a protocol is made from, where a test hands it its input.

#include <socketserver/net/address.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/serving/log.hpp>
#include <socketserver/serving/server_context.hpp>
#include <socketserver/serving/statistics.hpp>

#include <string_view>

namespace socketserver::test {

/// Stands for a server, where a handler is called without one.
class NoServer : public ServerContext {
public:
    explicit NoServer(const ConnectionOptions& the_options = {}) : options(the_options) {}

    [[nodiscard]] const Address& server_address() const noexcept override { return address_; }
    [[nodiscard]] Statistics statistics() const noexcept override { return {}; }
    [[nodiscard]] const ConnectionOptions& connection_options() const noexcept override { return options; }
    [[nodiscard]] bool stopping() const noexcept override { return false; }
    void request_shutdown() noexcept override {}
    void log(Severity, std::string_view) const noexcept override {}

    ConnectionOptions options;

private:
    Address address_;
};

/// What a handler is made from.
struct NoConnection {
    NoServer server;
    Socket connection;
    Address client = Address("127.0.0.1", 5000);
};

}  // namespace socketserver::test
