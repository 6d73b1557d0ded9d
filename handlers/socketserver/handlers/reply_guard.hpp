#pragma once

/// \file
/// Whom a service without a memory must not answer.

#include <socketserver/net/address.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

namespace socketserver {

/// Whether a datagram may be answered by a service that answers whatever comes, such as echo or daytime. Not if it comes from a port
/// where another such service may be, since the two would answer each other for ever, and one forged datagram would be enough to
/// begin that: a well-known port (0 to 1023, RFC 6335 section 6), the server's own port on whatever machine, and those where the
/// programs of this library listen unless told otherwise. Two services at other ports are not recognised.
/// \param peer who sent the datagram
/// \param server where the server that got it is bound
/// Thread: any.
[[nodiscard]] inline bool may_be_answered(const Address& peer, const Address& server) noexcept {
    constexpr std::uint16_t first_unprivileged_port = 1024;
    // echo_server, daytime_server, chargen_server, rfc_time_server, time_server
    constexpr std::array<std::uint16_t, 5> services{7007, 1313, 1919, 3737, 21567};
    // A Unix peer may have no address at all.
    if (peer.family() != AF_INET && peer.family() != AF_INET6)
        return true;
    const std::uint16_t port = peer.port();
    return port >= first_unprivileged_port && port != server.port() &&
           std::find(services.begin(), services.end(), port) == services.end();
}

}  // namespace socketserver
