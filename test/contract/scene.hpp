#pragma once

/// \file
/// A server under test with its script, its serving thread and its clients.

#include "combination.hpp"
#include "script.hpp"
#include "support/clients.hpp"
#include "support/served.hpp"
#include "support/temporary_directory.hpp"

#include <socketserver/server_loop.hpp>
#include <socketserver/server_options.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace socketserver::test {

/// A server of one combination, made but not yet serving.
///
/// Owns: all of it. When the scene ends, the server is shut down, its thread joined and it is closed.
class Scene {
public:
    explicit Scene(const Combination& combination, const ServerOptions& options = {});
    ~Scene();
    Scene(const Scene&) = delete;
    Scene& operator=(const Scene&) = delete;

    [[nodiscard]] ServerLoop& server() { return *server_; }
    [[nodiscard]] const ServerLoop& server() const { return *server_; }
    [[nodiscard]] Statistics statistics() const { return server_->statistics(); }

    /// Starts serve_forever() in a thread of its own.
    void serve(std::chrono::milliseconds service_interval = ServerLoop::default_service_interval);

    /// Joins the thread: serve_forever() has returned or thrown.
    /// \return what it threw, or null
    std::exception_ptr join();

    /// shutdown(), then join().
    std::exception_ptr stop();

    /// Asks the server to stop as a program's own signal handler does, and nothing else.
    void request_shutdown_by_signal();

    /// Calls server_close() in a thread of its own, which ends with the scene or finish_closing().
    void begin_closing();

    /// Joins that thread, and the serving one.
    void finish_closing();

    /// Destroys the server.
    void destroy() { server_.reset(); }

    /// A client of a stream server.
    [[nodiscard]] Client connect() const;

    /// Clients of a stream server that have sent a line and got it back, and stay connected.
    [[nodiscard]] std::vector<Client> served_clients(int count) const;

    /// A client of a datagram server.
    [[nodiscard]] DatagramClient datagram_client() const;

    /// Sends something as a client that is new to the server.
    /// \return what came back: a line, or a datagram
    [[nodiscard]] std::string exchange(std::string_view bytes) const;

    /// A request that is sent, and whose answer is not waited for. Keep it as long as the request is to run.
    struct Sent {
        std::unique_ptr<Client> stream;
        std::unique_ptr<DatagramClient> datagram;

        /// What comes back: a line, or a datagram.
        [[nodiscard]] std::string answer() const { return stream ? stream->read_line() : datagram->receive(); }
    };
    [[nodiscard]] Sent send(std::string_view bytes) const;

    /// How many messages the server has logged that hold this text.
    [[nodiscard]] std::size_t logged(std::string_view text) const;

    Script script;

private:
    [[nodiscard]] bool is_unix() const { return server_->server_address().family() == AF_UNIX; }

    Combination combination_;
    TemporaryDirectory directory_;
    std::unique_ptr<ServerLoop> server_;
    std::optional<ServingThread> thread_;
    std::thread closer_;
};

}  // namespace socketserver::test
