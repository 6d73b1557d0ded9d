#pragma once

/// \file
/// A server of UDP datagrams.

#include <socketserver/concurrency/blocking.hpp>
#include <socketserver/datagram_server.hpp>
#include <socketserver/detail/handler_server.hpp>

#include <stdexcept>
#include <utility>

namespace socketserver {

/// A server of UDP datagrams, over IPv4, IPv6 or both. A reply leaves from the address that the client had contacted.
///
/// \snippet test/servers/snippets.cpp udp_server
///
/// \tparam Handler makes and runs one of these for each datagram; constructed from
///   `(Datagram&, const Address& client, ServerContext&, Args&...)`
/// \tparam Concurrency how requests are served at once: Blocking, Threading, ThreadPool, Forking, Selecting, Preforking
///
/// Thread and life: see ServerLoop. A subclass that overrides hooks calls server_close() in its destructor.
template <RequestHandler Handler, class Concurrency = Blocking>
class UDPServer : public detail::HandlerServer<Handler, typename Concurrency::template MixIn<DatagramServer>> {
    using Base = detail::HandlerServer<Handler, typename Concurrency::template MixIn<DatagramServer>>;

public:
    /// Binds, unless told not to.
    /// \param address where: `{"", 21567}` is any address of both families, port 0 a port that the system chooses
    /// \param options how to behave
    /// \param args handed to every handler, by reference; temporaries are kept in the server. Handlers share them: under
    ///   Threading several use them at once, so they must lock; under Forking each child has a copy.
    /// \throw boost::system::system_error if the address cannot be bound, naming it
    /// \throw std::invalid_argument for a Unix address
    template <class... Args>
    explicit UDPServer(Address address, ServerOptions options = {}, Args&&... args)
        : Base(require_internet(address), std::move(options), std::forward<Args>(args)...) {}

    /// Closes the server: see server_close().
    ~UDPServer() override { this->close_in_destructor(typeid(UDPServer)); }

private:
    static Address require_internet(const Address& address) {
        if (address.family() == AF_UNIX)
            throw std::invalid_argument("a UDPServer takes an Internet address; UnixDatagramServer takes " +
                                        address.to_string());
        return address;
    }
};

}  // namespace socketserver
