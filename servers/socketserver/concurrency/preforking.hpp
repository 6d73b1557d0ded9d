#pragma once

/// \file
/// Several processes that serve from one socket.

#include <socketserver/concurrency/blocking.hpp>
#include <socketserver/detail/stop_schedule.hpp>
#include <socketserver/detail/worker_processes.hpp>
#include <socketserver/detail/worker_signals.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/net/socket_functions.hpp>
#include <socketserver/os/deadline.hpp>
#include <socketserver/server_options.hpp>
#include <socketserver/serving/request_handler.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

namespace socketserver {

/// Has ServerOptions::Preforking::workers processes serve, each as Inner does.
///
/// The process that calls serve_forever() accepts nothing: it forks the workers, replaces those that end, and calls
/// service_actions() once per service interval. Each worker calls worker_started(), then runs Inner's loop, with all hooks of
/// a request and service_actions(), until it is told to leave. What Inner bounds (threading.max_threads,
/// selecting.max_requests) is bounded in each worker, and so are the connections of an address; ServerOptions::max_connections is
/// divided among them, rounded up. A handler changes nothing in other processes: what
/// requests share lies in shared memory or elsewhere. statistics() counts over all workers, past ones included.
///
/// A worker that dies costs the requests it was serving, which count as failed, and is replaced: at once, or, if it lived less than a
/// second, after 10 ms doubling to 5 s. One line tells of it. SystemExit thrown by a handler ends its worker, as any other
/// error that comes out of Inner's loop; if the socket itself is gone, serve_forever() throws.
///
/// Workers ignore SIGINT, and take SIGTERM, and the end of the thread that runs serve_forever(), as being asked to end.
/// serve_forever() returns when all have left: requests that are running have ServerOptions::drain to end, are then cut,
/// and a worker that still runs a second later is killed.
///
/// handle_request() serves in the calling process, as Inner does.
///
/// All workers wait at the one socket, so that no request is lost with a worker that had not yet accepted it. With
/// ServerOptions::Preforking::own_listeners each has one of its own.
///
/// A program that has other threads when it forks gives its workers no thread but the one; what those threads had locked
/// stays locked there.
///
/// Owns: the workers. They have all been reaped when serve_forever() returns.
/// \tparam Inner what each worker does: Blocking, Threading or Selecting
/// \tparam Base the server to derive from: StreamServer, DatagramServer, or a server with handlers such as TCPServer<H>
template <class Inner, class Base>
class PreforkingMixIn : public Inner::template MixIn<Base> {
    using InnerServer = typename Inner::template MixIn<Base>;

public:
    using InnerServer::InnerServer;

    /// Closes the server before the workers' owner goes.
    ~PreforkingMixIn() override { this->close_in_destructor(typeid(PreforkingMixIn)); }

    /// The process numbers of the workers that have not been reaped. Thread: any.
    [[nodiscard]] std::set<pid_t> active_workers() const { return workers_.pids(); }

    /// What it has counted so far, over all workers. Thread: any.
    [[nodiscard]] Statistics statistics() const noexcept override {
        Statistics sum = workers_.statistics();
        sum += InnerServer::statistics();
        return sum;
    }

    /// Makes the socket and binds it to the address.
    /// \throw std::invalid_argument if workers are to have listeners of their own that they cannot have
    void server_bind() override {
        if (own_listeners() && this->server_address().family() == AF_UNIX)
            throw std::invalid_argument("a Unix socket has one listener, which the workers share: own_listeners is for "
                                        "Internet addresses");
        if (own_listeners() && this->options().inherited_socket >= 0)
            throw std::invalid_argument("a socket that was taken over is the only one, which the workers share: "
                                        "own_listeners is for addresses");
        this->divide_among(workers_.count());
        if (own_listeners())
            this->share_port();
        InnerServer::server_bind();
    }

    /// Makes the sockets ready for requests.
    void server_activate() override {
        InnerServer::server_activate();
        if (!own_listeners())
            return;
        auto& listeners = this->further_sockets();
        while (listeners.size() + 1 < workers_.count()) {
            listeners.push_back(create_bound(this->server_address(), this->socket().getsockopt(SOL_SOCKET, SO_TYPE),
                                             {.reuse_address = false, .reuse_port = true}));
            const Swapped other(this->socket(), listeners.back());
            InnerServer::server_activate();
        }
    }

protected:
    void serve_loop(std::chrono::milliseconds service_interval) override {
        ending_ = false;
        try {
            supervise(service_interval);
        } catch (...) {
            end_workers();
            throw;
        }
        end_workers();
    }

    void serve_one(Deadline deadline) override {
        if (own_listeners())
            throw std::logic_error("handle_request() would see the requests of one worker alone: own_listeners is for "
                                   "serve_forever()");
        const ServesItself scope(supervises_);
        InnerServer::serve_one(deadline);
    }

    [[nodiscard]] typename InnerServer::Ends ends_to_wait_for() const noexcept override {
        return supervises_ ? typename InnerServer::Ends{workers_.fd()} : InnerServer::ends_to_wait_for();
    }

    void release_finished() override {
        if (!supervises_)
            InnerServer::release_finished();
        else if (workers_.collect(!ending_ && !this->shutdown_requested()) && !ending_)
            this->require_usable_socket();  // or one worker after the other would find it broken
    }

private:
    // Exchanges two sockets for as long as it lives.
    class Swapped {
    public:
        Swapped(Socket& one, Socket& other) noexcept : one_(one), other_(other) { std::swap(one_, other_); }
        ~Swapped() { std::swap(one_, other_); }
        Swapped(const Swapped&) = delete;
        Swapped& operator=(const Swapped&) = delete;

    private:
        Socket& one_;
        Socket& other_;
    };

    // This process itself serves for as long as it lives.
    class ServesItself {
    public:
        explicit ServesItself(bool& supervises) noexcept : supervises_(supervises) { supervises_ = false; }
        ~ServesItself() { supervises_ = true; }
        ServesItself(const ServesItself&) = delete;
        ServesItself& operator=(const ServesItself&) = delete;

    private:
        bool& supervises_;
    };

    [[nodiscard]] bool own_listeners() const noexcept { return this->options().preforking.own_listeners; }

    void supervise(std::chrono::milliseconds service_interval) {
        // Workers that could not be given a descriptor to watch them by are looked for this often.
        constexpr std::chrono::seconds turn{1};
        const pid_t parent = ::getpid();
        const auto work = [this, parent, service_interval](std::size_t place, detail::ServingState& state) {
            return work_in(place, state, parent, service_interval);
        };
        Deadline next_service = Deadline::after(service_interval);
        while (!this->shutdown_requested()) {
            workers_.start_missing(work);
            const Deadline until = earlier(earlier(next_service, workers_.next_start()), Deadline::after(turn));
            if (detail::wait_for_either(this->wakeup().fd(), workers_.fd(), until))
                this->wakeup().clear();
            this->release_finished();
            if (next_service.expired() && !this->shutdown_requested()) {
                this->service_actions();
                next_service = Deadline::after(service_interval);
            }
        }
    }

    // Lets the workers end: by themselves, then by force.
    void end_workers() {
        ending_ = true;
        detail::StopSchedule stop(this->stop_times());
        for (;;) {
            while (const auto step = stop.due())
                workers_.stop(*step);
            this->release_finished();
            if (workers_.running() == 0)
                return;
            if (detail::wait_for_either(stop.is_before_cut() ? this->cut_signal().fd() : -1, workers_.fd(),
                                        earlier(stop.next(), Deadline::after(detail::StopTimes::turn))))
                stop.hasten_cut();
        }
    }

    // What a worker does. Returns the status it leaves with.
    int work_in(std::size_t place, detail::ServingState& state, pid_t parent,
                std::chrono::milliseconds service_interval) {
        supervises_ = false;
        this->become_worker(state);
        const detail::WorkerSignals signals(state, parent, this->stop_times(), std::same_as<Inner, Blocking>);
        if (place > 0 && own_listeners())
            std::swap(this->socket(), this->further_sockets()[place - 1]);
        this->further_sockets().clear();
        int status = EXIT_SUCCESS;
        try {
            this->worker_started();
            detail::WorkerSignals::unblock();
            InnerServer::serve_loop(service_interval);
        } catch (const SystemExit& exit) {
            status = exit.status;
        } catch (const std::exception& failure) {
            this->log(Severity::error, "worker " + std::to_string(::getpid()) + ": " + failure.what());
            status = EXIT_FAILURE;
        }
        this->finish_running(Deadline::after(this->stop_times().drain));
        return status;
    }

    detail::WorkerProcesses workers_{
        this->options().preforking.workers,
        [this](Severity severity, const std::string& message) { this->log(severity, message); }};
    bool supervises_ = true;  // false while this process itself serves
    bool ending_ = false;     // workers are not replaced any more
};

/// The concurrency of a server that serves in several processes, made in advance. For all processors of the machine, and
/// for handlers that may crash.
/// \tparam Inner what each process does: Blocking, Threading or Selecting
template <class Inner>
struct Preforking {
    /// The mixin.
    template <class Base>
    using MixIn = PreforkingMixIn<Inner, Base>;
};

}  // namespace socketserver
