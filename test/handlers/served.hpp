#pragma once

/// \file
/// A server that runs a handler under some concurrency for the length of a scope.

#include "support/clients.hpp"

#include <socketserver/concurrency/blocking.hpp>
#include <socketserver/serving/request_handler.hpp>
#include <socketserver/tcp_server.hpp>

#include <thread>
#include <utility>

namespace socketserver::test {

/// Options of a server that logs nothing.
[[nodiscard]] inline ServerOptions silent(ServerOptions options = {}) {
    options.logger = nullptr;
    return options;
}

/// A TCP server that serves in a thread of its own until stop(), or the end of the scope.
template <class Handler, class Concurrency = Blocking>
class Served {
public:
    template <class... Args>
    explicit Served(ServerOptions options = {}, Args&&... args)
        : server_(Address("127.0.0.1", 0), std::move(options), std::forward<Args>(args)...), thread_([this] {
              try {
                  server_.serve_forever();
              } catch (const SystemExit&) {  // NOLINT(bugprone-empty-catch): a handler has asked for the end
              }
          }) {}
    ~Served() { stop(); }
    Served(const Served&) = delete;
    Served& operator=(const Served&) = delete;

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
    TCPServer<Handler, Concurrency> server_;
    std::thread thread_;
};

}  // namespace socketserver::test
