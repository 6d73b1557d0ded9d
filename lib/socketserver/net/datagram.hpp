#pragma once

/// \file
/// A datagram that was received, and the way to answer it.

#include <socketserver/net/address.hpp>
#include <socketserver/net/pooled_buffer.hpp>
#include <socketserver/net/request_limit.hpp>
#include <socketserver/net/socket.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace socketserver {

namespace detail {
struct ServedRequest;
}  // namespace detail

/// A datagram that a server received: the request of a datagram server.
///
/// Owns: its bytes. Borrows the server's socket, which outlives every request. Thread: one context at a time; several
/// datagrams of one socket may be answered at once.
class Datagram {
public:
    /// Whether a socket tells which local address was contacted: see track_local_address().
    enum class Tracked {
        no,   ///< it does not
        yes,  ///< it does
    };

    /// How long reply() waits for room unless told otherwise.
    static constexpr std::chrono::seconds default_reply_timeout{1};

    /// Receives a datagram, waiting for one as the socket's time-out says (recvfrom(2), recvmsg(2)).
    /// \param socket a datagram socket; must outlive the datagram
    /// \param buffer room for the longest datagram to take; a longer one is cut, see truncated()
    /// \param tracked whether to ask for its local(), which takes a little longer
    /// \param error what went wrong; EAGAIN if the socket is non-blocking and there is none. The datagram is then empty, and
    ///   its peer unnamed.
    Datagram(Socket& socket, std::span<char> buffer, Tracked tracked, error_code& error);

    /// Has the kernel tell for each datagram which local address it was sent to (IP_PKTINFO, ip(7)), so that the
    /// reply leaves from there. For sockets bound to a wildcard address; needed there only.
    /// \param socket an Internet datagram socket
    /// \throw boost::system::system_error if the kernel refuses
    static void track_local_address(Socket& socket);

    /// The bytes.
    [[nodiscard]] std::string_view data() const noexcept { return {data_.data(), data_.data() != nullptr ? size_ : 0}; }

    /// Who sent it; unnamed if the sender never bound its Unix socket.
    [[nodiscard]] const Address& peer() const noexcept { return peer_; }

    /// The local address it was sent to, without a port, if the socket tracks that; for an IPv4 broadcast or multicast
    /// the receiving interface's own, for an IPv6 multicast none.
    [[nodiscard]] const std::optional<Address>& local() const noexcept { return local_; }

    /// Whether it was longer than could be received, and data() holds only its beginning.
    [[nodiscard]] bool truncated() const noexcept { return truncated_; }

    /// How many bytes have been sent by reply().
    [[nodiscard]] std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }

    /// Sends a datagram back to the peer, from the address that the peer had contacted (sendmsg(2)). Waits if the
    /// kernel has no room, for a Unix peer also until it has read some of its own.
    /// \param reply the bytes; may be empty, which sends an empty datagram
    /// \param timeout how long to wait
    /// \throw boost::system::system_error with errc::destination_address_required if the peer is unnamed or its port is 0,
    ///   ETIMEDOUT when the time is up, and for any other failure
    void reply(std::string_view reply, std::chrono::nanoseconds timeout = default_reply_timeout);
    /// \copydoc reply(std::string_view,std::chrono::nanoseconds)
    /// \param error what went wrong
    void reply(std::string_view reply, std::chrono::nanoseconds timeout, error_code& error);

private:
    friend struct detail::ServedRequest;
    std::size_t receive_tracked(std::span<char> buffer, error_code& error);
    void try_to_reply(std::string_view reply, std::chrono::nanoseconds timeout, error_code& error);
    [[nodiscard]] ssize_t send(std::string_view reply) const;

    Socket* socket_;
    PooledBuffer data_;
    std::size_t size_ = 0;
    Address peer_;
    std::optional<Address> local_;
    bool truncated_ = false;
    std::uint64_t bytes_sent_ = 0;
    RequestTicket ticket_;
};

}  // namespace socketserver
