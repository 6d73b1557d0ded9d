#pragma once

/// \file
/// Servers of TCP connections.

#include <socketserver/concurrency/blocking.hpp>
#include <socketserver/detail/handler_server.hpp>
#include <socketserver/stream_server.hpp>

#include <stdexcept>
#include <utility>

namespace socketserver {

/// A server of TCP connections, over IPv4, IPv6 or both.
///
/// \snippet test/servers/snippets.cpp tcp_server
///
/// \tparam Handler makes and runs one of these for each connection; constructed from
///   `(Socket&, const Address& client, ServerContext&, Args&...)`
/// \tparam Concurrency how requests are served at once: Blocking, Threading, ThreadPool, Forking, Selecting, Preforking
///
/// Thread and life: see ServerLoop. A subclass that overrides hooks calls server_close() in its destructor.
template <RequestHandler Handler, class Concurrency = Blocking>
class TCPServer : public detail::HandlerServer<Handler, typename Concurrency::template MixIn<StreamServer>> {
    using Base = detail::HandlerServer<Handler, typename Concurrency::template MixIn<StreamServer>>;

public:
    /// Binds and listens, unless told not to.
    /// \param address where: `{"", 21567}` is any address of both families, port 0 a port that the system chooses
    /// \param options how to behave
    /// \param args handed to every handler, by reference; temporaries are kept in the server. Handlers share them: under
    ///   Threading several use them at once, so they must lock; under Forking each child has a copy.
    /// \throw boost::system::system_error if the address cannot be bound, naming it
    /// \throw std::invalid_argument for a Unix address
    template <class... Args>
    explicit TCPServer(Address address, ServerOptions options = {}, Args&&... args)
        : Base(require_internet(address), std::move(options), std::forward<Args>(args)...) {}

    /// Closes the server: see server_close().
    ~TCPServer() override { this->close_in_destructor(typeid(TCPServer)); }

private:
    static Address require_internet(const Address& address) {
        if (address.family() == AF_UNIX)
            throw std::invalid_argument("a TCPServer takes an Internet address; UnixStreamServer takes " +
                                        address.to_string());
        return address;
    }
};

}  // namespace socketserver
