#pragma once

/// \file
/// Python's names for servers with a concurrency.

#include <socketserver/concurrency/forking.hpp>
#include <socketserver/concurrency/preforking.hpp>
#include <socketserver/concurrency/selecting.hpp>
#include <socketserver/concurrency/thread_pool.hpp>
#include <socketserver/concurrency/threading.hpp>
#include <socketserver/tcp_server.hpp>
#include <socketserver/udp_server.hpp>
#include <socketserver/unix_server.hpp>

namespace socketserver {

/// A TCPServer with a thread for each connection.
template <RequestHandler Handler>
using ThreadingTCPServer = TCPServer<Handler, Threading>;
/// A UDPServer with a thread for each datagram.
template <RequestHandler Handler>
using ThreadingUDPServer = UDPServer<Handler, Threading>;
/// A UnixStreamServer with a thread for each connection.
template <RequestHandler Handler>
using ThreadingUnixStreamServer = UnixStreamServer<Handler, Threading>;
/// A UnixDatagramServer with a thread for each datagram.
template <RequestHandler Handler>
using ThreadingUnixDatagramServer = UnixDatagramServer<Handler, Threading>;

/// A TCPServer with a child process for each connection.
template <RequestHandler Handler>
using ForkingTCPServer = TCPServer<Handler, Forking>;
/// A UDPServer with a child process for each datagram.
template <RequestHandler Handler>
using ForkingUDPServer = UDPServer<Handler, Forking>;
/// A UnixStreamServer with a child process for each connection.
template <RequestHandler Handler>
using ForkingUnixStreamServer = UnixStreamServer<Handler, Forking>;
/// A UnixDatagramServer with a child process for each datagram.
template <RequestHandler Handler>
using ForkingUnixDatagramServer = UnixDatagramServer<Handler, Forking>;

/// A TCPServer with a fiber for each connection.
template <RequestHandler Handler>
using SelectingTCPServer = TCPServer<Handler, Selecting>;
/// A UDPServer with a fiber for each datagram.
template <RequestHandler Handler>
using SelectingUDPServer = UDPServer<Handler, Selecting>;
/// A UnixStreamServer with a fiber for each connection.
template <RequestHandler Handler>
using SelectingUnixStreamServer = UnixStreamServer<Handler, Selecting>;
/// A UnixDatagramServer with a fiber for each datagram.
template <RequestHandler Handler>
using SelectingUnixDatagramServer = UnixDatagramServer<Handler, Selecting>;

/// A TCPServer of several processes.
template <RequestHandler Handler, class Inner = Selecting>
using PreforkingTCPServer = TCPServer<Handler, Preforking<Inner>>;
/// A UDPServer of several processes.
template <RequestHandler Handler, class Inner = Selecting>
using PreforkingUDPServer = UDPServer<Handler, Preforking<Inner>>;
/// A UnixStreamServer of several processes.
template <RequestHandler Handler, class Inner = Selecting>
using PreforkingUnixStreamServer = UnixStreamServer<Handler, Preforking<Inner>>;
/// A UnixDatagramServer of several processes.
template <RequestHandler Handler, class Inner = Selecting>
using PreforkingUnixDatagramServer = UnixDatagramServer<Handler, Preforking<Inner>>;

}  // namespace socketserver
