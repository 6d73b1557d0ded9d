#pragma once

/// \file
/// A server of protocols under some concurrency, for the length of a scope.

#include "support/clients.hpp"

#include <socketserver/serving/request_handler.hpp>
#include <socketserver/tcp_server.hpp>

#include <thread>
#include <utility>

namespace socketserver::test {

/// A TCP server that serves in a thread of its own until stop(), or the end of the scope.
template <class Handler, class Concurrency>
class ProtocolServing {
public:
    template <class... Shared>
    explicit ProtocolServing(ServerOptions options, Shared&... shared)
        : server_(Address("127.0.0.1", 0), silent(std::move(options)), shared...), thread_([this] {
              try {
                  server_.serve_forever();
              } catch (const SystemExit&) {  // NOLINT(bugprone-empty-catch): a handler has asked for the end
              }
          }) {}
    ~ProtocolServing() { stop(); }
    ProtocolServing(const ProtocolServing&) = delete;
    ProtocolServing& operator=(const ProtocolServing&) = delete;

    /// Returns when the last handler has ended.
    void stop() {
        server_.shutdown();
        if (thread_.joinable())
            thread_.join();
        server_.server_close();
    }

    [[nodiscard]] Client connect() const { return {"127.0.0.1", server_.server_address().port()}; }
    [[nodiscard]] Statistics statistics() const { return server_.statistics(); }

private:
    static ServerOptions silent(ServerOptions options) {
        options.logger = nullptr;
        return options;
    }

    TCPServer<Handler, Concurrency> server_;
    std::thread thread_;
};

}  // namespace socketserver::test
