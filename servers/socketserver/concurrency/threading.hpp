#pragma once

/// \file
/// A thread for each request.

#include <socketserver/detail/leading_threads.hpp>
#include <socketserver/server_options.hpp>

#include <typeinfo>

namespace socketserver {

namespace detail {

/// How many threads a Threading server has: as many as there are requests, and a few that wait for more.
struct ThreadingLimits {
    /// \param options the server's
    static LeaderFollowers::Limits of(const ServerOptions& options) {
        const auto& threading = options.threading;
        return {.least = 1,
                .most = threading.max_threads,
                .followers = threading.spare_threads,
                .stack_size = threading.stack_size};
    }
};

}  // namespace detail

/// Has a server serve each request in a thread of its own.
///
/// Threads wait for requests themselves, one at a time: the one that gets a request serves it, and another one waits for the
/// next, a new one if need be. So a handler that is slow delays nobody, and no request has to be handed from one thread
/// to another. At most ServerOptions::Threading::max_threads serve at once; of those that have done,
/// ServerOptions::Threading::spare_threads stay for further requests. Handlers that share something must lock it.
///
/// get_request(), verify_request(), process_request() and service_actions() are called in whatever thread waits, never
/// in two at once. service_actions() is called by the thread of serve_forever() while all threads are serving. With
/// handle_request() the calling thread gets the request and makes a thread that serves it.
///
/// Owns: the threads. They have all ended when server_close() returns.
/// \tparam Base the server to derive from: StreamServer, DatagramServer, or a server with handlers such as TCPServer<H>
template <class Base>
class ThreadingMixIn : public detail::LeadingThreadsMixIn<Base, detail::ThreadingLimits> {
public:
    using detail::LeadingThreadsMixIn<Base, detail::ThreadingLimits>::LeadingThreadsMixIn;

    /// Closes the server before the threads' owner goes.
    ~ThreadingMixIn() override { this->close_in_destructor(typeid(ThreadingMixIn)); }
};

/// The concurrency of a server that serves each request in a thread of its own. For handlers that wait for other
/// things than their peer, or compute; for up to some thousand connections.
struct Threading {
    /// The mixin.
    template <class Base>
    using MixIn = ThreadingMixIn<Base>;
};

}  // namespace socketserver
