#pragma once

/// \file
/// A fixed number of threads.

#include <socketserver/detail/leading_threads.hpp>
#include <socketserver/server_options.hpp>

#include <cstddef>
#include <typeinfo>

namespace socketserver {

namespace detail {

/// How many threads a ThreadPool server has.
struct ThreadPoolLimits {
    /// \param options the server's
    static LeaderFollowers::Limits of(const ServerOptions& options) {
        const auto& pool = options.thread_pool;
        return {.least = pool.threads, .most = pool.threads, .followers = pool.threads, .stack_size = pool.stack_size};
    }
};

}  // namespace detail

/// Has a server serve requests in a fixed number of threads, ServerOptions::ThreadPool::threads, made when it begins to serve.
///
/// A thread serves one request from beginning to end, so no more connections than there are threads are served at once;
/// further ones wait in the kernel's queue. The threads take turns at waiting for requests, as those of ThreadingMixIn
/// do, and the hooks are called where that says. Handlers that share something must lock it.
///
/// Owns: the threads. They have all ended when server_close() returns.
/// \tparam Base the server to derive from: StreamServer, DatagramServer, or a server with handlers such as TCPServer<H>
template <class Base>
class ThreadPoolMixIn : public detail::LeadingThreadsMixIn<Base, detail::ThreadPoolLimits> {
public:
    using detail::LeadingThreadsMixIn<Base, detail::ThreadPoolLimits>::LeadingThreadsMixIn;

    /// Closes the server before the threads' owner goes.
    ~ThreadPoolMixIn() override { this->close_in_destructor(typeid(ThreadPoolMixIn)); }
};

/// The concurrency of a server that serves requests in a fixed number of threads. For short requests, and where what the
/// handlers use (a processor, connections to a database) is there so many times and no more.
struct ThreadPool {
    /// The mixin.
    template <class Base>
    using MixIn = ThreadPoolMixIn<Base>;
};

}  // namespace socketserver
