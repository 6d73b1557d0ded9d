#pragma once

/// \file
/// A fiber for each request, in one thread or a few.

#include <socketserver/detail/admissions.hpp>
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
/// The hooks run on a fiber, so they may wait too. The one that accepts a request serves it; if it has to wait there, another one
/// accepts. At most ServerOptions::Selecting::max_requests run at once, in all threads together, or
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

    /// Called by the fiber that accepts, which has no other request yet, keeps the request for it; else serves it at once.
    void process_request(Request request, Address client) override {
        if (loop_ != nullptr && loop_->acceptor == &Waiter::current() && !*loop_->accepts_for) {
            loop_->accepts_for->emplace(std::move(request), client, this->counters(), std::move(loop_->admission));
            return;
        }
        const typename Base::Active active(this->counters());
        this->serve_request(request, client);
    }

    /// Leaves connections in the kernel's queue that select(2) could not watch.
    std::optional<std::pair<Request, Address>> get_request() override {
        if constexpr (std::same_as<Request, Socket>) {
            if (loop_ != nullptr && this->options().selecting.selector == SelectorKind::select)
                return get_watchable_request();
        }
        return Base::get_request();
    }

    [[nodiscard]] bool has_capacity() const noexcept override { return !admissions_.exhausted(); }

    [[nodiscard]] std::size_t most_at_once() const noexcept override { return this->options().selecting.max_requests; }

    void renew_in_worker() override {
        admissions_.set_limit(this->share_of_connections());
        Base::renew_in_worker();
    }

    void serve_loop(std::chrono::milliseconds service_interval) override {
        this->socket().share();
        std::vector<std::exception_ptr> failures(std::max<std::size_t>(this->options().selecting.workers, 1));
        Together all(*this, failures.size());
        {
            const std::span<std::exception_ptr> further = std::span(failures).subspan(1);
            const detail::LoopThreads others(
                further, all.made, [this, &all] { return run_worker(all); }, [this] { this->end_loop(); });
            failures.front() = run(all, service_interval, [this](Loop& running) { lead(running); });
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
        const auto life = [this, deadline](Loop& running) { serve_one_on_fiber(running, deadline); };
        if (const std::exception_ptr failure = run(alone, std::nullopt, life))
            std::rethrow_exception(failure);
    }

private:
    struct Job {
        Job(Request the_request, const Address& the_client, Counters& counters, detail::Admissions::Ticket ticket)
            : request(std::move(the_request)), client(the_client), active(counters), admission(std::move(ticket)) {}

        Request request;
        Address client;
        typename Base::Active active;
        detail::Admissions::Ticket admission;
        std::unique_ptr<EventSession> session;  // of an event-style handler
    };

    // What a thread has while it serves. One server may be served by a hook of another.
    //
    // Its fibers take turns at accepting: one leads, which is to say that it accepts, or serves what it has accepted and has not had
    // to wait since.
    struct Loop final : GiveWayListener {
        Loop(SelectingMixIn& the_server, const FiberLoopOptions& options,
             std::optional<std::chrono::milliseconds> interval)
            : server(the_server),
              loop(options),
              outer(std::exchange(loop_, this)),
              service_interval(interval),
              next_service(Deadline::from_timeout(interval)) {}
        ~Loop() { loop_ = outer; }

        // Who leads has to wait: another one accepts from now on.
        void gives_way() noexcept override {
            try {
                server.begin_to_lead(*this);
            } catch (const std::exception&) {
                led = false;  // run() tries again
            }
        }

        SelectingMixIn& server;
        FiberLoop loop;
        Loop* const outer;
        bool led = true;        // false: nobody leads, since no fiber was to be had
        bool accepting = true;  // false: nobody is to lead any more

        // Of whoever leads.
        const std::optional<std::chrono::milliseconds> service_interval;  // none: service_actions() after requests only
        Deadline next_service;
        WaitResult waited = WaitResult::timed_out;  // how the last wait ended, if nothing was got since
        bool at_limit = false;
        bool actions_due = false;                   // service_actions() after the last request
        Waiter* acceptor = nullptr;                 // while it accepts
        std::optional<Job>* accepts_for = nullptr;  // while it accepts
        detail::Admissions::Ticket admission;       // for what is being accepted

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
            return run(all, std::nullopt, [this](Loop& running) { lead(running); });
        } catch (...) {
            this->end_loop();
            return std::current_exception();
        }
    }

    // Serves in the calling thread until nobody is to accept any more and all requests have ended. Nothing is accepted before all
    // threads have what they need: whether a server can begin does not depend on how soon its clients come. Returns what is
    // to come out of serve_forever().
    // service_interval: none for a thread that calls service_actions() after its requests only; life: of the first fiber
    template <class Life>
    std::exception_ptr run(Together& all, std::optional<std::chrono::milliseconds> service_interval, Life life) {
        detail::Arrival arrival(all.made);
        const auto& options = this->options().selecting;
        Loop running(*this, {options.selector, options.stack_size, options.guard}, service_interval);
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
        running.loop.spawn([&running, life] { life(running); }, this);
        while (running.accepting) {
            if (!running.led)
                running.loop.leave_shared();  // what comes is for those that can accept it
            running.loop.run_once(running.led ? Deadline::never() : this->accept_pause());
            if (!running.led)
                guarded([&] { find_leader(running); });
        }
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

    // Throws if no fiber is to be had.
    void begin_to_lead(Loop& running) {
        running.loop.spawn([this, &running] { lead(running); }, this);
    }

    // Has a fiber lead since nobody does. If there is still none to be had, that is a failure to accept.
    void find_leader(Loop& running) {
        if (this->shutdown_requested())
            running.accepting = false;
        if (!running.accepting || !this->accept_pause().expired())
            return;
        try {
            begin_to_lead(running);
            running.led = true;
        } catch (const system_error& failure) {
            this->get_request_failed(failure);
        } catch (const std::bad_alloc&) {
            this->get_request_failed(system_error(system_code(ENOMEM), "a fiber to accept"));
        }
    }

    // What a fiber does: accepts a request and serves it, again and again, until another one accepts because it had to wait.
    void lead(Loop& running) {
        std::optional<Job> job;
        for (;;) {
            running.loop.rename_current({});
            guarded([&] { accept(running, job); });
            if (!job) {
                running.accepting = false;
                return;
            }
            running.loop.listen(running);
            guarded([&] { serve(*job); });
            job.reset();
            if (running.loop.unlisten())
                running.loop.yield();
            else if (std::exchange(running.led, true))
                return;
        }
    }

    // What the only fiber of handle_request() does.
    void serve_one_on_fiber(Loop& running, Deadline deadline) {
        std::optional<Job> job;
        guarded([&] { accept_one(running, job, deadline); });
        running.accepting = false;
        if (job)
            guarded([&] { serve(*job); });
    }

    // The time for which the calling fiber accepts.
    struct Accepting {
        Accepting(Loop& running, std::optional<Job>& job) noexcept : loop(running) {
            loop.acceptor = &Waiter::current();
            loop.accepts_for = &job;
        }
        ~Accepting() {
            loop.acceptor = nullptr;
            loop.accepts_for = nullptr;
        }
        Accepting(const Accepting&) = delete;
        Accepting& operator=(const Accepting&) = delete;

        Loop& loop;
    };

    // Accepts until there is a request that is to be served, or the server is to stop.
    void accept(Loop& running, std::optional<Job>& job) {
        const Accepting accepting(running, job);
        bool got_one = std::exchange(running.actions_due, false);
        for (;;) {
            const bool due = !got_one && running.next_service.expired();
            if (got_one || due)
                this->service_actions();
            if (due)  // a request does not look at the clock
                running.next_service = Deadline::from_timeout(running.service_interval);
            if (this->shutdown_requested() || job)  // which a hook wants to have served
                return;
            got_one = false;
            if (const Deadline pause = this->accept_pause(); !pause.expired()) {
                running.loop.leave_shared();  // what comes is for those that can accept it
                Waiter::current().park(earlier(running.next_service, pause));
            } else if (running.admission = admissions_.take(); !running.admission) {
                if (!std::exchange(running.at_limit, true))
                    this->accepting_deferred();
                running.loop.leave_shared();
                admissions_.wait(running.next_service);
            } else {
                running.at_limit = false;
                got_one = this->handle_request_noblock();
                running.admission = {};  // if there was no request, or it is not to be served
                if (got_one)
                    running.waited = WaitResult::timed_out;
                running.actions_due = job.has_value();
                if (job)
                    return;
                if (got_one)
                    running.loop.yield();
                else if (this->accept_pause() == pause)  // else one is there, and could not be got
                    wait_for_request(running.next_service, running.waited);
            }
        }
    }

    void accept_one(Loop& running, std::optional<Job>& job, Deadline deadline) {
        const Accepting accepting(running, job);
        WaitResult waited = WaitResult::timed_out;
        while (!this->shutdown_requested()) {
            const Deadline former_pause = this->accept_pause();
            const bool late = deadline.expired();
            if (this->handle_request_noblock())
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
        name_fiber(job);
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
    detail::Admissions admissions_{this->options().bounded(this->options().selecting.max_requests)};
};

/// The concurrency of a server that serves each request on a fiber, in one thread or a few. For many connections of which most wait;
/// in one thread, for handlers that share things and would rather not lock.
struct Selecting {
    /// The mixin.
    template <class Base>
    using MixIn = SelectingMixIn<Base>;
};

}  // namespace socketserver
