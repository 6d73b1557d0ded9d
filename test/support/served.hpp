#pragma once

/// \file
/// Servers that serve in a thread for the length of a scope.

#include "clients.hpp"

#include <socketserver/concurrency/blocking.hpp>
#include <socketserver/net/address.hpp>
#include <socketserver/server_loop.hpp>
#include <socketserver/server_options.hpp>
#include <socketserver/serving/request_handler.hpp>
#include <socketserver/tcp_server.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <thread>
#include <utility>

namespace socketserver::test {

/// The thread of a server's serve_forever(), until stop() or the end of the scope.
class ServingThread {
public:
    /// \param service_interval see serve_forever()
    /// \param first what the thread does before that
    explicit ServingThread(
        ServerLoop& server, std::chrono::milliseconds service_interval = ServerLoop::default_service_interval,
        const std::function<void()>& first = [] {})
        : server_(server), thread_([this, service_interval, first] {
              first();
              try {
                  server_.serve_forever(service_interval);
              } catch (...) {
                  thrown_ = std::current_exception();
              }
          }) {}
    /// Ends the program if serve_forever() has thrown and nobody has asked for it.
    ~ServingThread() {
        if (thread_.joinable())
            stop();
    }
    ServingThread(const ServingThread&) = delete;
    ServingThread& operator=(const ServingThread&) = delete;

    /// Returns when serve_forever() has ended by itself.
    /// \return what it threw, or null
    std::exception_ptr join() {
        if (thread_.joinable())
            thread_.join();
        return std::exchange(thrown_, nullptr);
    }

    /// Shuts the server down, and returns when the last handler has ended.
    /// \throw what serve_forever() threw, unless a handler has asked for the end by SystemExit
    void stop() {
        server_.shutdown();
        try {
            if (const auto thrown = join())
                std::rethrow_exception(thrown);
        } catch (const SystemExit&) {  // NOLINT(bugprone-empty-catch): as it was to end
        }
    }

    [[nodiscard]] std::thread::id id() const { return thread_.get_id(); }

private:
    ServerLoop& server_;
    std::exception_ptr thrown_;
    std::thread thread_;
};

/// A TCP or UDP server on a loopback port, and the thread that serves it.
template <class Server>
class Running {
public:
    /// Makes the server and starts serving.
    /// \param args what it passes to its handlers
    template <class... Args>
    explicit Running(ServerOptions options = {}, Args&&... args)
        : server(Address("127.0.0.1", 0), std::move(options), std::forward<Args>(args)...), thread(server) {}

    /// Returns when the last handler has ended and the server is closed.
    void stop() {
        thread.stop();
        server.server_close();
    }

    [[nodiscard]] std::uint16_t port() const { return server.server_address().port(); }
    [[nodiscard]] Client connect() const { return {"127.0.0.1", port()}; }
    [[nodiscard]] Statistics statistics() const { return server.statistics(); }

    Server server;
    ServingThread thread;
};

/// A handler that is served.
template <class Handler, class Concurrency = Blocking>
using Served = Running<TCPServer<Handler, Concurrency>>;

/// Options of a server that logs nothing.
[[nodiscard]] inline ServerOptions silent(ServerOptions options = {}) {
    options.logger = nullptr;
    return options;
}

}  // namespace socketserver::test
