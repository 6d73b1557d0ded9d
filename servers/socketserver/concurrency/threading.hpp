#pragma once

/// \file
/// A thread for each request.

#include <socketserver/detail/worker_threads.hpp>
#include <socketserver/net/address.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace socketserver {

/// Has a server serve each request in a thread of its own.
///
/// The serving thread accepts and starts threads; finish_request() and what follows it run in the request's
/// thread, so a handler that is slow delays nobody. At most ServerOptions::Threading::max_threads run at once.
/// Handlers that share something must lock it.
///
/// Owns: the threads. They have all ended when server_close() returns.
/// \tparam Base the server to derive from: StreamServer, DatagramServer, or a server with handlers such as TCPServer<H>
template <class Base>
class ThreadingMixIn : public Base {
public:
    using Base::Base;

    /// Closes the server before the threads' owner goes.
    ~ThreadingMixIn() override { this->close_in_destructor(typeid(ThreadingMixIn)); }

    /// How many threads have been started and not yet been let go. Thread: any.
    [[nodiscard]] std::size_t tracked_threads() const { return threads_.tracked(); }

protected:
    /// What comes in.
    using Request = typename Base::RequestType;

    /// Starts a thread that serves the request. If there is none to be had, the request fails.
    void process_request(Request request, Address client) override {
        struct Job {
            Request request;
            Address client;
            typename Base::Active active;  // from here on, so that nobody takes the server for idle
        };
        const std::shared_ptr<Job> job(
            new Job{std::move(request), std::move(client), typename Base::Active(this->counters())});
        try {
            threads_.start([this, job] { this->serve_request_in_thread(job->request, job->client); },
                           this->options().threading.stack_size);
        } catch (const std::exception&) {
            this->request_failed(job->request, job->client);
            this->end_request(job->request);
        }
    }

    [[nodiscard]] bool has_capacity() const noexcept override { return threads_.has_capacity(); }

    [[nodiscard]] int wake_descriptor() const noexcept override { return threads_.fd(); }

    void release_finished() override { threads_.release_finished(); }

    bool join_running(Deadline deadline) override { return threads_.join(deadline); }

private:
    detail::WorkerThreads threads_{this->options().threading.max_threads};
};

/// The concurrency of a server that serves each request in a thread of its own. For handlers that wait for other
/// things than their peer, or compute; for up to some thousand connections.
struct Threading {
    /// The mixin.
    template <class Base>
    using MixIn = ThreadingMixIn<Base>;
};

}  // namespace socketserver
