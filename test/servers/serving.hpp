#pragma once

/// \file
/// A TCP server of a known type that follows a script, for tests of one concurrency.

#include "contract/observed.hpp"
#include "contract/script.hpp"
#include "support/clients.hpp"
#include "support/eventually.hpp"

#include <socketserver/net/address.hpp>
#include <socketserver/server_loop.hpp>
#include <socketserver/server_options.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>

namespace socketserver::test {

/// A server on a loopback port with its script and serving thread. When the scope ends it is shut down and closed.
/// \tparam Server e.g. `TCPServer<StreamScriptHandler, Threading>`
template <class Server>
class Serving {
public:
    explicit Serving(ServerOptions options = {}) {
        options.selecting.stall_limit = {};  // cases look at the log, and the machine may be slow
        options.logger = [this](Severity, std::string_view message) { script.log.add(message); };
        server_ = std::make_unique<ObservedServer<Server>>(Address("127.0.0.1", 0), std::move(options), script);
    }
    ~Serving() {
        script.gate.notify();
        stop();
    }
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;

    /// Starts serve_forever() in a thread.
    /// \param service_interval see there
    void serve(std::chrono::milliseconds service_interval = ServerLoop::default_service_interval) {
        const std::size_t workers_before = script.workers();
        thread_ = std::thread([this, service_interval] {
            script.now_serving();
            server_->serve_forever(service_interval);
        });
        // Not before they have closed what they inherited are new descriptors this process' alone.
        if constexpr (requires { server_->active_workers(); }) {
            const std::size_t all = workers_before + server_->options().preforking.workers;
            BOOST_TEST(eventually([&] { return script.workers() >= all; }));
        }
    }

    /// Ends that thread.
    void stop() {
        if (!thread_.joinable())
            return;
        server_->shutdown();
        thread_.join();
    }

    [[nodiscard]] Server& server() { return *server_; }
    [[nodiscard]] const Server& server() const { return *server_; }

    [[nodiscard]] Client connect() const { return {"127.0.0.1", server_->server_address().port()}; }

    /// How many messages the server has logged that hold this text.
    [[nodiscard]] std::size_t logged(std::string_view text) const {
        const auto lines = script.log.lines();
        return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [text](const std::string& line) {
            return line.find(text) != std::string::npos;
        }));
    }

    Script script;

private:
    std::unique_ptr<ObservedServer<Server>> server_;
    std::thread thread_;
};

}  // namespace socketserver::test
