#pragma once

/// \file
/// What the protocols of a server have in common.

#include <socketserver/net/address.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/os/shared_memory.hpp>
#include <socketserver/serving/server_context.hpp>

#include <atomic>
#include <concepts>
#include <cstdint>

namespace socketserver {

/// The base of what the protocols of a server share: it counts their connections; a subclass adds what else they need.
///
/// \snippet test/handlers/snippets.cpp protocol_factory
///
/// It is given to the server's constructor, which hands it to each protocol, and outlives the server. Several servers may
/// share one.
///
/// Thread: the counts, any. What a subclass adds is used by all protocols at once: where they run in several threads
/// (Threading, ThreadPool, Selecting with several threads) it must be atomic or locked, by a socketserver::mutex, or a
/// std::mutex where nothing waits under it. Under Selecting with one worker only what must not change across a wait needs that;
/// under Forking each child has a copy of its own, but of the counts, which are shared with the children.
class ProtocolFactory {
public:
    /// \throw boost::system::system_error if there is no memory that can be shared with children
    ProtocolFactory() = default;
    ProtocolFactory(const ProtocolFactory&) = delete;
    ProtocolFactory& operator=(const ProtocolFactory&) = delete;

    /// How many protocols are connected: their connection_made() has been called, or is being called, and not their
    /// connection_lost(). Of children that were killed by a signal those are never taken off.
    [[nodiscard]] std::uint64_t connections() const noexcept { return counts_->now; }

    /// How many have been connected, those included that are.
    [[nodiscard]] std::uint64_t total_connections() const noexcept { return counts_->total; }

protected:
    ~ProtocolFactory() = default;

private:
    friend class Protocol;
    struct Counts {
        std::atomic<std::uint64_t> now{0};
        std::atomic<std::uint64_t> total{0};
        static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "processes share no locks");
    };

    void connected() noexcept {
        ++counts_->now;
        ++counts_->total;
    }
    void disconnected() noexcept { --counts_->now; }

    SharedMemory<Counts> counts_;
};

/// A protocol that knows its factory.
///
/// \snippet test/handlers/snippets.cpp protocol_factory
///
/// \tparam Base Protocol, LineProtocol or a subclass
/// \tparam FactoryType the factory's type
template <class Base, std::derived_from<ProtocolFactory> FactoryType>
class WithFactory : public Base {
public:
    /// The factory's type; run_server() makes one.
    using Factory = FactoryType;

    /// See Protocol.
    /// \param the_request the connection
    /// \param client the peer
    /// \param the_server the server
    /// \param the_factory what all protocols of the server share
    WithFactory(Socket& the_request, const Address& client, ServerContext& the_server, Factory& the_factory)
        : Base(the_request, client, the_server, the_factory), factory(the_factory) {}

protected:
    Factory& factory;  ///< what all protocols of the server share
};

}  // namespace socketserver
