#pragma once

/// \file
/// Whether a datagram's sender is the server that received it.

#include <socketserver/net/address.hpp>
#include <socketserver/os/deadline.hpp>

#include <mutex>
#include <optional>
#include <vector>

namespace socketserver::detail {

/// Tells datagrams that a server seems to have sent to itself: one with a forged sender is enough to have a server that answers
/// whatever comes answer itself for ever.
///
/// Owns: what it remembers of this machine's addresses. Thread: any.
class OwnSender {
public:
    /// Whether a sender is the socket that received the datagram. Looks at no more than the port, unless that is its own.
    /// \param sender who sent the datagram
    /// \param bound where the socket is bound
    /// \param contacted where the datagram was sent to, if that is known
    [[nodiscard]] bool is(const Address& sender, const Address& bound, const std::optional<Address>& contacted) {
        if (bound.family() == AF_UNIX)
            return sender == bound;
        return sender.port() == bound.port() && is_host(sender, bound, contacted);
    }

private:
    [[nodiscard]] bool is_host(const Address& sender, const Address& bound, const std::optional<Address>& contacted);
    [[nodiscard]] bool is_of_this_machine(const Address& sender);

    std::mutex mutex_;
    std::vector<Address> addresses_;              // of this machine's interfaces; guarded by mutex_
    Deadline looked_at_until_ = Deadline::now();  // then they are to be looked at again; guarded by mutex_
};

}  // namespace socketserver::detail
