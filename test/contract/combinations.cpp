// Compiled once for each concurrency: CONTRACT_CONCURRENCY is its type and CONTRACT_NAME its name. How Selecting waits, and in how many
// loops, the environment says when the program runs: SOCKETSERVER_CONTRACT_SELECTOR=poll, SOCKETSERVER_CONTRACT_WORKERS=3.

#include "combination.hpp"
#include "observed.hpp"
#include "thread_per_request.hpp"

#include <support/mode_traits.hpp>

#include <socketserver/socketserver.hpp>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace socketserver::test {

namespace {

using Concurrency = CONTRACT_CONCURRENCY;

std::string from_environment(const char* variable, const char* otherwise) {
    const char* const value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nobody changes the environment
    return value != nullptr ? value : otherwise;
}

SelectorKind selector() {
    const std::string name = from_environment("SOCKETSERVER_CONTRACT_SELECTOR", "epoll");
    for (const auto kind : {SelectorKind::epoll, SelectorKind::poll, SelectorKind::select})
        if (to_string(kind) == name)
            return kind;
    throw std::invalid_argument("SOCKETSERVER_CONTRACT_SELECTOR: there is no selector '" + name + "'");
}

std::size_t workers() {
    return std::stoul(from_environment("SOCKETSERVER_CONTRACT_WORKERS", "1"));
}

/// "selecting", "selecting-poll", "selecting-workers": what the fault suite calls it.
std::string name_of_concurrency() {
    std::string name = CONTRACT_NAME;
    if (selector() != SelectorKind::epoll)
        name += "-" + std::string(to_string(selector()));
    return workers() > 1 ? name + "-workers" : name;
}

/// Makes a server and binds it as a user would who overrides the hooks.
template <class Server, class Where>
std::unique_ptr<ServerLoop> make_bound(const Where& where, ServerOptions options, Script& script) {
    const bool bind = std::exchange(options.bind_and_activate, false);
    options.selecting.selector = selector();
    options.selecting.threads = workers();
    options.selecting.stall_limit = {};  // cases look at the log, and the machine may be slow
    options.thread_pool.threads = 8;     // ThreadSanitizer keeps mappings of every thread there ever was
    if (options.preforking.workers == 0)
        options.preforking.workers = 2;
    // Silent clients are waited for where a case says so, and nowhere else.
    if (options.first_input_grace == ServerOptions().first_input_grace)
        options.first_input_grace = std::chrono::nanoseconds{0};
    options.logger = [&script](Severity severity, std::string_view message) {
        script.log.add((severity == Severity::error ? "error: " : "") + std::string(message));
    };
    auto server = std::make_unique<ObservedServer<Server>>(where, std::move(options), script);
    if (bind) {
        server->server_bind();
        server->server_activate();
    }
    return server;
}

using Make = std::unique_ptr<ServerLoop>(Script&, const ServerOptions&, const std::filesystem::path&);

std::unique_ptr<ServerLoop> make_tcp_ipv4(Script& script, const ServerOptions& options, const std::filesystem::path&) {
    return make_bound<TCPServer<StreamScriptHandler, Concurrency>>(Address("127.0.0.1", 0), options, script);
}

std::unique_ptr<ServerLoop> make_tcp_ipv6(Script& script, const ServerOptions& options, const std::filesystem::path&) {
    return make_bound<TCPServer<StreamScriptHandler, Concurrency>>(Address("::1", 0), options, script);
}

std::unique_ptr<ServerLoop> make_udp(Script& script, const ServerOptions& options, const std::filesystem::path&) {
    return make_bound<UDPServer<DatagramScriptHandler, Concurrency>>(Address("127.0.0.1", 0), options, script);
}

std::unique_ptr<ServerLoop> make_unix_stream(Script& script, const ServerOptions& options,
                                             const std::filesystem::path& path) {
    return make_bound<UnixStreamServer<StreamScriptHandler, Concurrency>>(path, options, script);
}

std::unique_ptr<ServerLoop> make_unix_datagram(Script& script, const ServerOptions& options,
                                               const std::filesystem::path& path) {
    return make_bound<UnixDatagramServer<DatagramScriptHandler, Concurrency>>(path, options, script);
}

}  // namespace

std::vector<Combination> combinations() {
    using Transport = Combination::Transport;
    std::vector<Combination> all;
    const auto add = [&all](const char* name, Transport transport, Make* make) {
        Combination combination;
        combination.name = name;
        combination.transport = transport;
        combination.concurrency = name_of_concurrency();
        static_cast<ModeTraits&>(combination) = traits_of<Concurrency>;
        combination.has_workers = workers() > 1;
        combination.make = make;
        all.push_back(combination);
    };
    add("tcp_ipv4", Transport::tcp_ipv4, make_tcp_ipv4);
    add("tcp_ipv6", Transport::tcp_ipv6, make_tcp_ipv6);
    add("udp", Transport::udp, make_udp);
    add("unix_stream", Transport::unix_stream, make_unix_stream);
    add("unix_datagram", Transport::unix_datagram, make_unix_datagram);
    return all;
}

}  // namespace socketserver::test
