#pragma once

/// \file
/// The contract: what every server does under every concurrency.
///
/// CONTRACT_CASE makes one test case for each combination of a server and the concurrency that the test program is
/// built for, `NAME/tcp_ipv4` and so on. The cases know no server type: a combination makes them a server.

#include "script.hpp"

#include <support/mode_traits.hpp>

#include <socketserver/server_loop.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace socketserver::test {

/// A server with a concurrency.
struct Combination : ModeTraits {
    enum class Transport { tcp_ipv4, tcp_ipv6, udp, unix_stream, unix_datagram };

    std::string name;
    Transport transport = Transport::tcp_ipv4;
    std::string concurrency = {};  ///< "preforking-selecting", as the fault suite calls it

    bool has_workers = false;  ///< several threads serve, and a request is served by the one that accepted it
    /// Whether handlers run in the serving thread, or one of them, one after the other or in turns.
    [[nodiscard]] bool in_serving_thread() const { return !preforks && in_requesting_thread(); }
    /// Whether handlers run in the thread that calls handle_request().
    [[nodiscard]] bool in_requesting_thread() const { return !forks && !has_threads && !serves_in_threads; }
    /// Whether shutdown() waits for running requests.
    [[nodiscard]] bool shutdown_waits() const { return preforks || in_serving_thread(); }

    /// Makes a server with hooks that record, bound and active unless the options say no.
    /// \param script what its handlers do
    /// \param options what it is to be like
    /// \param path where a Unix server is to be bound
    std::unique_ptr<ServerLoop> (*make)(Script& script, const ServerOptions& options,
                                        const std::filesystem::path& path) = nullptr;

    [[nodiscard]] bool is_stream() const { return !is_datagram(); }
    [[nodiscard]] bool is_datagram() const {
        return transport == Transport::udp || transport == Transport::unix_datagram;
    }
    [[nodiscard]] bool is_tcp() const { return transport == Transport::tcp_ipv4 || transport == Transport::tcp_ipv6; }
    [[nodiscard]] bool is_unix() const {
        return transport == Transport::unix_stream || transport == Transport::unix_datagram;
    }
};

/// The combinations of this program. Defined for each program, by combinations.cpp.
[[nodiscard]] std::vector<Combination> combinations();

// Which combinations a case is for.
[[nodiscard]] inline bool every_server(const Combination&) {
    return true;
}
[[nodiscard]] inline bool streams(const Combination& combination) {
    return combination.is_stream();
}
[[nodiscard]] inline bool datagrams(const Combination& combination) {
    return combination.is_datagram();
}
[[nodiscard]] inline bool bounded_stream_servers(const Combination& combination) {
    return !combination.one_at_a_time && combination.is_stream();
}
[[nodiscard]] inline bool tcp_servers(const Combination& combination) {
    return combination.is_tcp();
}

/// Registers a contract case with Boost.Test. Made by CONTRACT_CASE.
class ContractCase {
public:
    ContractCase(const char* name, bool (*applies)(const Combination&), void (*body)(const Combination&),
                 const char* file, std::size_t line);
};

}  // namespace socketserver::test

/// Defines a case: `CONTRACT_CASE(answers, streams) { ... combination ... }`.
#define CONTRACT_CASE(name, applies)                                                                                   \
    static void name(const ::socketserver::test::Combination& combination);                                            \
    static const ::socketserver::test::ContractCase name##_cases(#name, &(applies), &(name), __FILE__, __LINE__);      \
    static void name([[maybe_unused]] const ::socketserver::test::Combination& combination)
