#pragma once

/// \file
/// A server that runs a handler for the length of a scope.

#include "support/clients.hpp"

#include <socketserver/tcp_server.hpp>

#include <thread>
#include <utility>

namespace socketserver::test {

/// A TCP server that serves in a thread of its own until the scope ends.
template <class Handler>
class Served {
public:
    template <class... Args>
    explicit Served(ServerOptions options = {}, Args&&... args)
        : server_(Address("127.0.0.1", 0), std::move(options), std::forward<Args>(args)...),
          thread_([this] { server_.serve_forever(); }) {}
    ~Served() {
        server_.shutdown();
        thread_.join();
    }
    Served(const Served&) = delete;
    Served& operator=(const Served&) = delete;

    [[nodiscard]] Client connect() const { return {"127.0.0.1", server_.server_address().port()}; }

private:
    TCPServer<Handler> server_;
    std::thread thread_;
};

}  // namespace socketserver::test
