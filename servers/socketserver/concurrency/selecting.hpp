#pragma once

/// \file
/// A fiber for each request, in one thread or a few.

#include <socketserver/detail/event_requests.hpp>
#include <socketserver/detail/selecting_loops.hpp>
#include <socketserver/fiber/fiber_loop.hpp>
#include <socketserver/net/address.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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
class SelectingMixIn : public detail::EventRequests<Base> {
    using Job = typename detail::EventRequests<Base>::Job;

public:
    using detail::EventRequests<Base>::EventRequests;

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

    void serve(Job& job) {
        if constexpr (std::same_as<Request, Socket>) {
            if (this->maker() != nullptr && this->maker()->event_style())
                return this->serve_events(job, loops_);
        }
        this->serve_request(job.request, job.client);
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
