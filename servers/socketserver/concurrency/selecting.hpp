#pragma once

/// \file
/// A fiber for each request, in one thread.

#include <socketserver/fiber/fiber_loop.hpp>
#include <socketserver/net/address.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/serving/event_handler.hpp>

#include <chrono>
#include <concepts>
#include <exception>
#include <memory>
#include <utility>

namespace socketserver {

/// Has a server serve all requests in the thread that calls serve_forever(), each on a fiber of its own: where a handler would
/// wait it is parked, and others run.
///
/// The hooks up to process_request() run on one fiber that accepts, so they may wait too; finish_request() and what follows it run on the
/// request's fiber. At most ServerOptions::Selecting::max_requests run at once. Handlers need no locks for what they do
/// between two waits. What waits without the library's knowing holds up everybody: hand it to run_blocking() of the
/// current Waiter.
///
/// When serve_forever() is told to return it lets running requests end first, within ServerOptions::drain.
///
/// Owns: while it serves, the loop and its fibers.
/// \tparam Base the server to derive from: StreamServer, DatagramServer, or a server with handlers such as TCPServer<H>
template <class Base>
class SelectingMixIn : public Base {
public:
    using Base::Base;

    /// Closes the server before what requests use goes.
    ~SelectingMixIn() override { this->close_in_destructor(typeid(SelectingMixIn)); }

protected:
    /// What comes in.
    using Request = typename Base::RequestType;

    /// Makes a fiber that serves the request. If none is to be had, the request fails.
    void process_request(Request request, Address client) override {
        const std::shared_ptr<Job> job(
            new Job{std::move(request), client, typename Base::Active(this->counters()), nullptr});
        try {
            loop_->loop.spawn([this, job] { on_fiber([&] { serve(job); }); }, this, client.to_string());
        } catch (const std::exception&) {
            this->request_failed(job->request, job->client);
            this->end_request(job->request);
        }
    }

    [[nodiscard]] bool has_capacity() const noexcept override {
        return this->counters().active < this->options().selecting.max_requests;
    }

    void serve_loop(std::chrono::milliseconds service_interval) override {
        run([this, service_interval] { accept_requests(service_interval); });
    }

    void serve_one(Deadline deadline) override {
        run([this, deadline] { accept_one(deadline); });
    }

private:
    struct Job {
        Request request;
        Address client;
        typename Base::Active active;
        std::unique_ptr<EventSession> session;  // of an event-style handler
    };

    // What there is only while serving.
    struct Loop {
        explicit Loop(const FiberLoopOptions& options) : loop(options) {}
        FiberLoop loop;
        FiberLoop::Gate may_accept;  // where the accepting fiber waits for capacity
        bool accepting = true;
        std::exception_ptr failure;  // what is to come out of serve_forever()
    };

    template <class Accept>
    void run(Accept accept) {
        const auto& options = this->options().selecting;
        Loop running(FiberLoopOptions{options.selector, options.stack_size, options.guard});
        loop_ = &running;
        running.loop.on_readable(this->wakeup().fd(), [this, &running] {
            this->wakeup().clear();
            running.loop.nudge(this->socket().waitable());
            running.may_accept.open();
            return true;
        });
        running.loop.on_readable(this->cut_signal().fd(), [&running] {
            running.loop.cut();
            return false;  // it stays readable
        });
        running.loop.spawn([&running, accept] {
            try {
                accept();
            } catch (...) {
                running.failure = std::current_exception();
            }
            running.accepting = false;
        });
        while (running.accepting)
            running.loop.run_once(Deadline::never());
        drain(running);
        this->socket().leave_loop();
        loop_ = nullptr;
        if (running.failure)
            std::rethrow_exception(running.failure);
    }

    void accept_requests(std::chrono::milliseconds service_interval) {
        Deadline next_service = Deadline::after(service_interval);
        WaitResult waited = WaitResult::timed_out;
        while (!this->shutdown_requested()) {
            bool served = false;
            if (!has_capacity())
                loop_->may_accept.wait(loop_->loop, next_service);
            else if (const Deadline pause = this->accept_pause(); !pause.expired())
                loop_->may_accept.wait(loop_->loop, earlier(next_service, pause));
            else if (served = this->handle_request_noblock(); served)
                loop_->loop.yield();
            else if (this->accept_pause().expired())  // else one is there, and cannot be got now
                wait_for_request(next_service, waited);
            if (served)
                waited = WaitResult::timed_out;
            if (served || next_service.expired()) {
                this->service_actions();
                next_service = Deadline::after(service_interval);
            }
        }
    }

    void accept_one(Deadline deadline) {
        WaitResult waited = WaitResult::timed_out;
        while (!this->shutdown_requested()) {
            if (this->handle_request_noblock())
                return;
            if (deadline.expired()) {
                this->handle_timeout();
                return;
            }
            if (const Deadline pause = this->accept_pause(); !pause.expired())
                loop_->may_accept.wait(loop_->loop, earlier(deadline, pause));
            else
                wait_for_request(deadline, waited);
        }
    }

    /// \param deadline when to give up
    /// \param waited how the last wait ended, if nothing was got since; then how this one did
    void wait_for_request(Deadline deadline, WaitResult& waited) {
        if (waited == WaitResult::ready && !this->shutdown_requested())
            this->require_usable_socket();
        waited = Waiter::current().wait(this->socket().waitable(), Interest::readable, deadline);
    }

    // Lets what runs end, first by itself and then by force.
    void drain(Loop& running) {
        if (!this->shutdown_requested() && !running.failure) {  // handle_request(): nothing is being shut down
            while (running.loop.busy() && !this->shutdown_requested())
                running.loop.run_once(Deadline::never());
        }
        this->stop_running();
        Deadline deadline = Deadline::after(this->options().drain);
        while (running.loop.busy()) {
            running.loop.run_once(deadline);
            if (deadline.expired()) {
                this->cut_running();
                deadline = Deadline::never();
            }
        }
    }

    // What a fiber does for a request: what is meant to end more than that comes out of serve_forever().
    template <class Action>
    void on_fiber(Action action) {
        try {
            action();
        } catch (...) {
            loop_->failure = std::current_exception();
            this->request_shutdown();
        }
        loop_->may_accept.open();
    }

    void serve(const std::shared_ptr<Job>& job) {
        if constexpr (std::same_as<Request, Socket>) {
            if (!this->begin_event_request(job->request, job->client, job->session))
                return;
            if (job->session)
                return idle(job);
        }
        this->serve_request(job->request, job->client);
    }

    // An event-style handler between two calls.
    void idle(const std::shared_ptr<Job>& job) {
        const Deadline deadline = Deadline::from_timeout(job->request.gettimeout());
        loop_->loop.when_readable(job->request.waitable(), deadline, this, [this, job](WaitResult waited) {
            on_fiber([&] {
                if (this->serve_event(job->request, job->client, *job->session, waited))
                    idle(job);
            });
        });
    }

    Loop* loop_ = nullptr;
};

/// The concurrency of a server that serves all requests in one thread, each on a fiber. For many connections of which most wait;
/// for handlers that share things and would rather not lock.
struct Selecting {
    /// The mixin.
    template <class Base>
    using MixIn = SelectingMixIn<Base>;
};

}  // namespace socketserver
