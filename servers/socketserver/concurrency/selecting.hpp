#pragma once

/// \file
/// A fiber for each request, in one thread or a few.

#include <socketserver/detail/selecting_loops.hpp>
#include <socketserver/fiber/fiber_loop.hpp>
#include <socketserver/net/address.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/os/unique_fd.hpp>
#include <socketserver/serving/event_handler.hpp>
#include <socketserver/serving/statistics.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <cxxabi.h>
#include <fcntl.h>
#include <sys/select.h>
#include <unistd.h>

namespace socketserver {

/// Has a server serve each request on a fiber of its own, in the thread that calls serve_forever(): where a handler would wait it is
/// parked, and others run. With ServerOptions::Selecting::threads that thread is one of several, each of which accepts requests and
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
/// In one thread, handlers need no locks for what they do between two waits. With several threads all hooks from get_request() on,
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
        FiberLoop& loop = detail::SelectingLoop::current().loop;
        try {
            loop.reserve();
        } catch (const std::exception&) {
            this->request_failed(request, client);
            this->end_request(request);
            return;
        }
        std::array<char, Fiber::longest_name> name;
        const std::string_view peer = client.write(name);
        auto work = [this, job = Job(std::move(request), std::move(client), this->counters())]() mutable {
            loops_.guarded([this, &job] { serve(job); });
        };
        loop.spawn(std::move(work), this, peer);
    }

    /// Leaves connections in the kernel's queue that select(2) could not watch.
    std::optional<std::pair<Request, Address>> get_request() override {
        if constexpr (std::same_as<Request, Socket>) {
            if (detail::SelectingLoop::exists() && this->options().selecting.selector == SelectorKind::select)
                return get_watchable_request();
        }
        return Base::get_request();
    }

    [[nodiscard]] std::size_t most_at_once() const noexcept override { return this->options().selecting.max_requests; }

    void serve_loop(std::chrono::milliseconds service_interval) override { loops_.serve(service_interval); }

    void serve_one(Deadline deadline) override { loops_.serve_one(deadline); }

private:
    struct Job {
        Job(Request the_request, Address the_client, Counters& counters)
            : request(std::move(the_request)), client(std::move(the_client)), active(counters) {}

        Request request;
        Address client;
        typename Base::Active active;
        std::unique_ptr<EventSession> session;  // of an event-style handler
    };

    // Throws EMFILE while there is no descriptor for it.
    std::optional<std::pair<Request, Address>> get_watchable_request() {
        auto& running = detail::SelectingLoop::current();
        if (running.keep_spare(this->wakeup().fd()) < 0)
            throw_errno(EMFILE, "no descriptor below " + std::to_string(FD_SETSIZE) + " for select(2): accept on",
                        this->server_address().to_string());
        auto got = Base::get_request();
        if (got && got->first.fileno() >= FD_SETSIZE) {
            const UniqueFd high(got->first.detach());
            if (::dup3(high.get(), running.spare.get(), O_CLOEXEC) < 0)
                throw_errno(errno, "dup3");
            got->first = Socket(std::move(running.spare), got->second);
        }
        return got;
    }

    // Has messages call the calling fiber by the peer that it serves.
    void name_fiber(const Job& job) noexcept {
        std::array<char, Fiber::longest_name> name;
        detail::SelectingLoop::current().loop.rename_current(job.client.write(name));
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
        FiberLoop& loop = detail::SelectingLoop::current().loop;
        loop.when_readable(job->request.waitable(), until, this, [this, job](WaitResult waited) {
            name_fiber(*job);
            loops_.guarded([&] {
                if (this->serve_event(job->request, job->client, *job->session, waited))
                    idle(job);
            });
        });
    }

    detail::SelectingLoops loops_{*this};
};

/// The concurrency of a server that serves each request on a fiber, in one thread or a few. For many connections of which most wait;
/// in one thread, for handlers that share things and would rather not lock.
struct Selecting {
    /// The mixin.
    template <class Base>
    using MixIn = SelectingMixIn<Base>;
};

}  // namespace socketserver
