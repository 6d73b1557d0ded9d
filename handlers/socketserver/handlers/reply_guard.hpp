#pragma once

/// \file
/// Whom a service without a memory must not answer.

#include <socketserver/net/address.hpp>

#include <cstdint>

namespace socketserver {

/// Whether a datagram may be answered by a service that answers whatever comes, such as echo or daytime: not if it comes from a
/// well-known port (0 to 1023, RFC 6335 section 6), where another such service may be, since the two would answer each
/// other for ever. One forged datagram would be enough to begin that.
/// \param peer who sent the datagram
/// Thread: any.
[[nodiscard]] inline bool may_be_answered(const Address& peer) noexcept {
    constexpr std::uint16_t first_unprivileged_port = 1024;
    return peer.family() == AF_UNIX || peer.port() >= first_unprivileged_port;
}

}  // namespace socketserver
