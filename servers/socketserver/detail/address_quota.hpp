#pragma once

/// \file
/// How many connections an address may have at once.

#include <socketserver/net/address.hpp>
#include <socketserver/server_options.hpp>

#include <cstddef>
#include <memory>

namespace socketserver::detail {

/// Places for the connections of each address, or network of addresses. A connection holds one from when it is accepted
/// until it has ended.
///
/// Bounded: an address without connections is forgotten, so there are never more entries than places taken.
///
/// Thread: any. In a forked process it is a copy: what is given back there is given back to the copy. Places may outlive it.
class AddressQuota {
public:
    /// \param most how many places an address has; 0: no bound
    /// \param prefix how many leading bits addresses have in common that count as one
    AddressQuota(std::size_t most, ServerOptions::AddressPrefix prefix);

    /// Whether addresses like this one are counted: Internet addresses are, if there is a bound.
    /// \param client any address
    [[nodiscard]] bool counts(const Address& client) const noexcept;

    /// Takes a place.
    /// \param client an address that counts
    /// \return the place, given back when the last copy of the pointer goes; null if there is none left
    [[nodiscard]] std::shared_ptr<void> take(const Address& client);

    /// How many addresses hold places.
    [[nodiscard]] std::size_t addresses() const;

private:
    struct Shared;
    class Place;

    const std::size_t most_;
    const ServerOptions::AddressPrefix prefix_;
    const std::shared_ptr<Shared> shared_;
};

}  // namespace socketserver::detail
