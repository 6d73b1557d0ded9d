#pragma once

/// \file
/// Servers on Unix sockets: UnixStreamServer and UnixDatagramServer.

#include <socketserver/concurrency/blocking.hpp>
#include <socketserver/datagram_server.hpp>
#include <socketserver/detail/handler_server.hpp>
#include <socketserver/stream_server.hpp>

#include <filesystem>
#include <utility>

namespace socketserver {

/// A server of connections on a Unix socket.
///
/// \snippet test/servers/snippets.cpp unix_stream_server
///
/// \tparam Handler as for TCPServer
/// \tparam Concurrency as for TCPServer
///
/// Thread and life: see ServerLoop. A subclass that overrides hooks calls server_close() in its destructor.
template <RequestHandler Handler, class Concurrency = Blocking>
class UnixStreamServer : public detail::HandlerServer<Handler, typename Concurrency::template MixIn<StreamServer>> {
    using Base = detail::HandlerServer<Handler, typename Concurrency::template MixIn<StreamServer>>;

public:
    /// Binds and listens, unless told not to. The file of a former server on which nobody listens is removed.
    /// \param path where; "@name" is in the abstract namespace and leaves no file
    /// \param options how to behave
    /// \param args handed to every handler, as for TCPServer
    /// \throw boost::system::system_error if the path cannot be bound, naming it
    /// \throw std::invalid_argument for a path that is no Unix address
    template <class... Args>
    explicit UnixStreamServer(const std::filesystem::path& path, ServerOptions options = {}, Args&&... args)
        : Base(Address::unix_path(path), std::move(options), std::forward<Args>(args)...) {}

    /// Closes the server and removes its file: see server_close().
    ~UnixStreamServer() override { this->close_in_destructor(typeid(UnixStreamServer)); }
};

/// A server of datagrams on a Unix socket. A client that never bound its own socket has no address to reply to.
///
/// \snippet test/servers/snippets.cpp unix_datagram_server
///
/// \tparam Handler as for UDPServer
/// \tparam Concurrency as for UDPServer
///
/// Thread and life: see ServerLoop. A subclass that overrides hooks calls server_close() in its destructor.
template <RequestHandler Handler, class Concurrency = Blocking>
class UnixDatagramServer : public detail::HandlerServer<Handler, typename Concurrency::template MixIn<DatagramServer>> {
    using Base = detail::HandlerServer<Handler, typename Concurrency::template MixIn<DatagramServer>>;

public:
    /// Binds, unless told not to. The file of a former server on which nobody listens is removed.
    /// \param path where; "@name" is in the abstract namespace and leaves no file
    /// \param options how to behave
    /// \param args handed to every handler, as for TCPServer
    /// \throw boost::system::system_error if the path cannot be bound, naming it
    /// \throw std::invalid_argument for a path that is no Unix address
    template <class... Args>
    explicit UnixDatagramServer(const std::filesystem::path& path, ServerOptions options = {}, Args&&... args)
        : Base(Address::unix_path(path), std::move(options), std::forward<Args>(args)...) {}

    /// Closes the server and removes its file: see server_close().
    ~UnixDatagramServer() override { this->close_in_destructor(typeid(UnixDatagramServer)); }
};

}  // namespace socketserver
