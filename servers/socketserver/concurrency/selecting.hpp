#pragma once

/// \file
/// A fiber for each request, in one thread or a few.

#include <socketserver/detail/loop_threads.hpp>
#include <socketserver/detail/stall_report.hpp>
#include <socketserver/detail/stop_schedule.hpp>
#include <socketserver/fiber/fiber_loop.hpp>
#include <socketserver/fiber/stall_watchdog.hpp>
#include <socketserver/net/address.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/os/unique_fd.hpp>
#include <socketserver/serving/event_handler.hpp>
#include <socketserver/serving/statistics.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <latch>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <cxxabi.h>
#include <fcntl.h>
#include <sys/select.h>
#include <unistd.h>

namespace socketserver {

/// Has a server serve each request on a fiber of its own, in the thread that calls serve_forever(): where a handler would wait it is
/// parked, and others run. With ServerOptions::Selecting::workers that thread is one of several, each of which accepts requests and
/// serves them to the end.
///
/// One fiber of each thread accepts, and gives each request a fiber of its own:
///
///     accepting fiber   wait ▶ get ▶ verify ▶ process_request: [ make a fiber ] ▶ service_actions ▶ wait ...
///     its fiber                                                       └▶ finish_request ▶ shutdown ▶ close
///
/// The hooks run on these fibers, so they may wait too; while get_request() and those after it do, nothing else is accepted in that
/// thread. At most ServerOptions::Selecting::max_requests run at once, in all threads together, or
/// ServerOptions::max_connections if that is less.
/// What waits without the library's knowing holds up everybody in its thread: hand it to run_blocking() of the current Waiter. A
/// handler that does so for longer than ServerOptions::Selecting::stall_limit is told of in the log, with its peer.
///
/// In one thread, handlers need no locks for what they do between two waits. With several workers all hooks from get_request() on,
/// and service_actions(), run in several threads at once: after a request, before the next one is accepted, in the thread that did
/// so; and at the interval in the one that called serve_forever(). handle_request() uses that one alone.
///
/// When serve_forever() is told to return it lets running requests end first, within ServerOptions::drain. What is thrown
/// in one thread and meant to end the server ends all of them, and comes out of serve_forever().
///
/// Owns: while it serves, the loops with their fibers, the watchdog, and all threads but the caller's.
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

    /// Gives the request a fiber. If there is none to be had, the request fails.
    void process_request(Request request, Address client) override {
        Loop& running = *loop_;
        try {
            running.loop.reserve();
        } catch (const std::exception&) {
            this->request_failed(request, client);
            this->end_request(request);
            return;
        }
        std::array<char, Fiber::longest_name> name;
        const std::string_view peer = client.write(name);
        Job job(std::move(request), std::move(client), this->counters());
        running.loop.spawn([this, own = std::move(job)]() mutable { guarded([this, &own] { serve(own); }); }, this,
                           peer);
    }

    /// Leaves connections in the kernel's queue that select(2) could not watch.
    std::optional<std::pair<Request, Address>> get_request() override {
        if constexpr (std::same_as<Request, Socket>) {
            if (loop_ != nullptr && this->options().selecting.selector == SelectorKind::select)
                return get_watchable_request();
        }
        return Base::get_request();
    }

    [[nodiscard]] std::size_t most_at_once() const noexcept override { return this->options().selecting.max_requests; }

    void serve_loop(std::chrono::milliseconds service_interval) override {
        this->socket().share();
        std::vector<std::exception_ptr> failures(std::max<std::size_t>(this->options().selecting.workers, 1));
        Together all(*this, failures.size());
        {
            const std::span<std::exception_ptr> further = std::span(failures).subspan(1);
            const detail::LoopThreads others(
                further, all.made, [this, &all] { return run_worker(all); }, [this] { this->end_loop(); });
            failures.front() = run(all, service_interval, [this](Loop& running) { accept(running); });
        }
        // None of them has cleared it if it told of the end.
        this->wakeup().clear();
        for (const std::exception_ptr& failure : failures)
            if (failure)
                std::rethrow_exception(failure);
    }

    void serve_one(Deadline deadline) override {
        this->socket().share();
        Together alone;
        const auto life = [this, deadline](Loop&) { accept_one(deadline); };
        if (const std::exception_ptr failure = run(alone, std::nullopt, life))
            std::rethrow_exception(failure);
    }

private:
    struct Job {
        Job(Request the_request, Address the_client, Counters& counters)
            : request(std::move(the_request)), client(std::move(the_client)), active(counters) {}

        Request request;
        Address client;
        typename Base::Active active;
        std::unique_ptr<EventSession> session;  // of an event-style handler
    };

    // What a thread has while it serves. One server may be served by a hook of another.
    struct Loop {
        Loop(const FiberLoopOptions& options, std::optional<std::chrono::milliseconds> interval)
            : loop(options),
              outer(std::exchange(loop_, this)),
              service_interval(interval),
              next_service(Deadline::from_timeout(interval)) {}
        ~Loop() { loop_ = outer; }
        Loop(const Loop&) = delete;
        Loop& operator=(const Loop&) = delete;

        FiberLoop loop;
        Loop* const outer;
        Waiter* acceptor = nullptr;  // of the fiber that accepts, while there is one

        // Of the fiber that accepts.
        const std::optional<std::chrono::milliseconds> service_interval;  // none: service_actions() after requests only
        Deadline next_service;
        WaitResult waited = WaitResult::timed_out;  // how the last wait ended, if nothing was got since
        bool at_limit = false;

        // With select(2) alone: a descriptor that it can watch, whose number the next connection gets if its own is too high. So one
        // that has been accepted can always be served.
        UniqueFd spare;

        std::exception_ptr failure;  // what is to come out of serve_forever()
    };

    // What all threads have together while they serve.
    struct Together {
        // Of handle_request().
        Together() : made(1) {}
        // Of serve_forever() in so many threads.
        Together(SelectingMixIn& server, std::size_t threads)
            : made(static_cast<std::ptrdiff_t>(threads)),
              watchdog(detail::make_stall_watchdog(server, server.options().selecting.stall_limit,
                                                   server.counters().stalled)) {}

        std::latch made;                          // all have their loops, or could not make them
        std::unique_ptr<StallWatchdog> watchdog;  // null: none
    };

    // What a further thread does. Returns what ended it, if anything did.
    std::exception_ptr run_worker(Together& all) noexcept {
        const typename Base::ServingThread serving(*this);
        try {
            return run(all, std::nullopt, [this](Loop& running) { accept(running); });
        } catch (...) {
            this->end_loop();
            return std::current_exception();
        }
    }

    // Serves in the calling thread until nobody is to accept any more and all requests have ended. Nothing is accepted before all
    // threads have what they need: whether a server can begin does not depend on how soon its clients come. Returns what is
    // to come out of serve_forever().
    // service_interval: none for a thread that calls service_actions() after its requests only; life: of the fiber that accepts
    template <class Life>
    std::exception_ptr run(Together& all, std::optional<std::chrono::milliseconds> service_interval, Life life) {
        detail::Arrival arrival(all.made);
        const auto& options = this->options().selecting;
        Loop running({options.selector, options.stack_size, options.guard}, service_interval);
        const StallWatchdog::Watched watched(all.watchdog.get(), running.loop);
        running.loop.on_readable(this->wakeup().fd(), [this, &running] {
            // All loops look at the one descriptor. Whoever clears it hides it from the others, and a shutdown is for all.
            this->wakeup().clear();
            const bool ending = this->shutdown_requested();
            if (ending)
                this->wakeup().notify();
            running.loop.nudge(this->socket().waitable());
            if (running.acceptor != nullptr)
                running.acceptor->unpark();
            return !ending;  // it stays readable
        });
        running.loop.on_readable(this->cut_signal().fd(), [&running] {
            running.loop.cut();
            return false;  // it stays readable
        });
        arrival.arrive_and_wait();
        bool accepting = true;
        running.loop.spawn(
            [this, &running, &accepting, life] {
                running.acceptor = &Waiter::current();
                guarded([&] { life(running); });
                running.acceptor = nullptr;
                accepting = false;
            },
            this);
        while (accepting)
            running.loop.run_once(Deadline::never());
        running.loop.leave_shared();
        drain(running);
        return running.failure;
    }

    // Throws EMFILE while there is no descriptor for it.
    std::optional<std::pair<Request, Address>> get_watchable_request() {
        UniqueFd& spare = loop_->spare;
        if (!spare)
            spare = UniqueFd(::fcntl(this->wakeup().fd(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
        if (spare.get() >= FD_SETSIZE)
            spare.reset();
        if (!spare)
            throw_errno(EMFILE, "no descriptor below " + std::to_string(FD_SETSIZE) + " for select(2): accept on",
                        this->server_address().to_string());
        auto got = Base::get_request();
        if (got && got->first.fileno() >= FD_SETSIZE) {
            const UniqueFd high(got->first.detach());
            if (::dup3(high.get(), spare.get(), O_CLOEXEC) < 0)
                throw_errno(errno, "dup3");
            got->first = Socket(std::move(spare), got->second);
        }
        return got;
    }

    // What the accepting fiber does until the server is to stop.
    void accept(Loop& running) {
        bool got_one = false;
        for (;;) {
            const bool due = !got_one && running.next_service.expired();
            if (got_one || due)
                this->service_actions();
            if (due)  // a request does not look at the clock
                running.next_service = Deadline::from_timeout(running.service_interval);
            if (this->shutdown_requested())
                return;
            got_one = accept_or_wait(running);
            if (got_one)
                running.loop.yield();
        }
    }

    // Gets a request, or waits for one, or for what it takes to get one. Returns whether there was one.
    bool accept_or_wait(Loop& running) {
        const Deadline pause = this->accept_pause();
        if (!pause.expired()) {
            running.loop.leave_shared();  // what comes is for those that can accept it
            Waiter::current().park(earlier(running.next_service, pause));
            return false;
        }
        RequestTicket ticket = this->limit().take();
        if (!ticket) {
            if (!std::exchange(running.at_limit, true))
                this->accepting_deferred();
            running.loop.leave_shared();
            this->limit().wait(running.next_service);
            return false;
        }
        running.at_limit = false;
        const bool got_one = may_make_a_fiber(running) && this->handle_request_noblock(std::move(ticket));
        if (got_one)
            running.waited = WaitResult::timed_out;
        else if (this->accept_pause() == pause)  // else one is there, and could not be got
            wait_for_request(running.next_service, running.waited);
        return got_one;
    }

    // Whether there is a fiber for a request. If not, that is a failure to accept.
    bool may_make_a_fiber(Loop& running) {
        try {
            running.loop.reserve();
            return true;
        } catch (const system_error& failure) {
            this->get_request_failed(failure);
        } catch (const std::bad_alloc&) {
            this->get_request_failed(system_error(system_code(ENOMEM), "a fiber to serve"));
        }
        return false;
    }

    // What the accepting fiber of handle_request() does.
    void accept_one(Deadline deadline) {
        WaitResult waited = WaitResult::timed_out;
        while (!this->shutdown_requested()) {
            const Deadline former_pause = this->accept_pause();
            const bool late = deadline.expired();
            if (this->handle_request_noblock(this->limit().take()))
                return;
            if (late) {
                this->handle_timeout();
                return;
            }
            if (const Deadline pause = this->accept_pause(); pause != former_pause || !pause.expired())
                Waiter::current().park(earlier(deadline, pause));
            else
                wait_for_request(deadline, waited);
        }
    }

    /// \param deadline when to give up
    /// \param waited how the last wait ended, if nothing was got since; then how this one did
    void wait_for_request(Deadline deadline, WaitResult& waited) {
        if (waited == WaitResult::ready && !this->shutdown_requested())
            this->require_usable_socket();
        waited = WaitResult::timed_out;
        // There may be no memory for it, or too many watches.
        try {
            waited = Waiter::current().wait(this->socket().waitable(), Interest::readable, deadline);
        } catch (const system_error& failure) {
            this->get_request_failed(failure);
        } catch (const std::bad_alloc&) {
            this->get_request_failed(system_error(system_code(ENOMEM), "a wait for requests"));
        }
    }

    // Lets what runs end, first by itself and then by force.
    void drain(Loop& running) {
        if (!this->shutdown_requested() && !running.failure) {  // handle_request(): nothing is being shut down
            while (running.loop.busy() && !this->shutdown_requested())
                running.loop.run_once(Deadline::never());
        }
        detail::StopSchedule stop(this->stop_times());
        if (const auto first = stop.due())  // whatever is due next, what is ready has a turn before
            this->stop_running(*first);
        while (running.loop.busy()) {
            running.loop.run_once(stop.next());
            this->stop_as_due(stop);
        }
    }

    // Does something of which what it throws, since it is meant to end more than a request, comes out of serve_forever().
    template <class Action>
    void guarded(Action action) {
        try {
            action();
        } catch (...) {
            loop_->failure = std::current_exception();
            this->end_loop();
        }
    }

    // Has messages call the calling fiber by the peer that it serves.
    void name_fiber(const Job& job) noexcept {
        std::array<char, Fiber::longest_name> name;
        loop_->loop.rename_current(job.client.write(name));
    }

    void serve(Job& job) {
        if constexpr (std::same_as<Request, Socket>) {
            if (this->event_style())
                return serve_events(job);
        }
        this->serve_request(job.request, job.client);
    }

    // An event-style handler outlives its fibers, and so does what it refers to.
    void serve_events(Job& got) {
        std::shared_ptr<Job> job;
        try {
            job = std::make_shared<Job>(std::move(got));
        } catch (const std::bad_alloc&) {
            this->request_failed(got.request, got.client);
            this->end_request(got.request);
            return;
        }
        if (this->begin_event_request(job->request, job->client, job->session))
            idle(job);
    }

    // An event-style handler between two calls. One that cannot wait costs its request, not the server.
    void idle(const std::shared_ptr<Job>& job) {
        try {
            wait_for_event(job);
        } catch (const abi::__forced_unwind&) {
            throw;
        } catch (...) {
            this->event_wait_failed(job->request, job->client, *job->session);
        }
    }

    void wait_for_event(const std::shared_ptr<Job>& job) {
        const Deadline until = job->session->input_deadline();
        loop_->loop.when_readable(job->request.waitable(), until, this, [this, job](WaitResult waited) {
            name_fiber(*job);
            guarded([&] {
                if (this->serve_event(job->request, job->client, *job->session, waited))
                    idle(job);
            });
        });
    }

    inline static thread_local Loop* loop_ = nullptr;  // the calling thread's, while it serves
};

/// The concurrency of a server that serves each request on a fiber, in one thread or a few. For many connections of which most wait;
/// in one thread, for handlers that share things and would rather not lock.
struct Selecting {
    /// The mixin.
    template <class Base>
    using MixIn = SelectingMixIn<Base>;
};

}  // namespace socketserver
