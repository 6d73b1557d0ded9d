#pragma once

/// \file
/// What every request handler has.

#include <socketserver/net/address.hpp>
#include <socketserver/serving/server_context.hpp>

namespace socketserver {

/// The base of request handlers: one object for each request, which serves it and is gone.
///
/// A server makes it, calls setup(), handle() and finish(), and destroys it. If setup() throws nothing else is called; if
/// handle() throws, finish() is called all the same.
///
/// Borrows everything it refers to, all of which outlives it. Thread: the one, or the fiber, that serves the request; in a
/// forking server the child. Several handlers exist at once, each with its own members: what they share they must be
/// given by the server's constructor arguments, and lock.
/// \tparam Request Socket for a connection, Datagram for a datagram
template <class Request>
class BaseRequestHandler {
public:
    /// What a server makes a handler from; a subclass takes more where the server is given more.
    /// \param the_request the request
    /// \param client who sent it
    /// \param the_server the server
    BaseRequestHandler(Request& the_request, const Address& client, ServerContext& the_server) noexcept
        : request(the_request), client_address(client), server(the_server) {}

    virtual ~BaseRequestHandler() = default;
    BaseRequestHandler(const BaseRequestHandler&) = delete;
    BaseRequestHandler& operator=(const BaseRequestHandler&) = delete;

    /// Called first. A subclass that overrides it calls its base's.
    virtual void setup() {}

    /// Serves the request. May throw: the server then tells of the error and closes the request.
    virtual void handle() {}

    /// Called last, also if handle() threw. A subclass that overrides it calls its base's.
    virtual void finish() {}

    /// What servers have the compiler check of a handler's type: that its setup(), handle() and finish() override these here.
    template <class Handler>
    static constexpr void check_overrides() {
        static_assert(
            !requires { &Handler::handle; } || requires { static_cast<void (Handler::*)()>(&Handler::handle); },
            "handle() of this handler overrides nothing: it must be void handle() override");
        static_assert(
            !requires { &Handler::setup; } || requires { static_cast<void (Handler::*)()>(&Handler::setup); },
            "setup() of this handler overrides nothing: it must be void setup() override");
        static_assert(
            !requires { &Handler::finish; } || requires { static_cast<void (Handler::*)()>(&Handler::finish); },
            "finish() of this handler overrides nothing: it must be void finish() override");
    }

protected:
    Request& request;               ///< the request
    const Address& client_address;  ///< who sent it
    ServerContext& server;          ///< the server
};

}  // namespace socketserver
