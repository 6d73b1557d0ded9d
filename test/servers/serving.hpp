#pragma once

/// \file
/// A TCP server of a known type that follows a script, for tests of one concurrency.

#include "contract/observed.hpp"
#include "contract/scene.hpp"

#include <socketserver/net/address.hpp>
#include <socketserver/server_options.hpp>

#include <filesystem>
#include <memory>
#include <string_view>
#include <utility>

namespace socketserver::test {

/// A scene whose server has a type.
/// \tparam Server e.g. `TCPServer<StreamScriptHandler, Threading>`
template <class Server>
class Serving : public Scene {
public:
    explicit Serving(const ServerOptions& options = {}) : Scene(combination(), options) {}

    [[nodiscard]] Server& server() { return static_cast<Server&>(Scene::server()); }
    [[nodiscard]] const Server& server() const { return static_cast<const Server&>(Scene::server()); }

private:
    static Combination combination() {
        Combination one;
        one.preforks = requires(Server & server) {
            server.active_workers();
        };
        one.make = [](Script& script, const ServerOptions& given,
                      const std::filesystem::path&) -> std::unique_ptr<ServerLoop> {
            ServerOptions options = given;
            options.selecting.stall_limit = {};  // cases look at the log, and the machine may be slow
            options.logger = [&script](Severity, std::string_view message) { script.log.add(message); };
            return std::make_unique<ObservedServer<Server>>(Address("127.0.0.1", 0), std::move(options), script);
        };
        return one;
    }
};

}  // namespace socketserver::test
