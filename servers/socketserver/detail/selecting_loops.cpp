#include <socketserver/detail/selecting_loops.hpp>

#include <socketserver/detail/loop_threads.hpp>
#include <socketserver/detail/stall_report.hpp>
#include <socketserver/detail/stop_schedule.hpp>
#include <socketserver/net/detail/served_request.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/server_loop.hpp>

#include <fcntl.h>
#include <sys/select.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <span>
#include <utility>
#include <vector>

namespace socketserver::detail {

thread_local SelectingLoop* SelectingLoop::current_ = nullptr;

SelectingLoop::SelectingLoop(const FiberLoopOptions& options, std::optional<std::chrono::milliseconds> interval)
    : loop(options),
      service_interval(interval),
      next_service(Deadline::from_timeout(interval)),
      outer_(std::exchange(current_, this)) {}

SelectingLoop::~SelectingLoop() {
    current_ = outer_;
}

int SelectingLoop::keep_spare(int like) {
    if (!spare)
        spare = UniqueFd(::fcntl(like, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (spare.get() >= FD_SETSIZE)
        spare.reset();
    return spare.get();
}

/// What all threads have together while they serve.
struct SelectingLoops::Together {
    /// Of handle_request().
    Together() : made(1) {}
    /// Of serve_forever() in so many threads.
    Together(ServerLoop& server, std::size_t threads)
        : made(static_cast<std::ptrdiff_t>(threads)),
          watchdog(make_stall_watchdog(server, server.options().selecting.stall_limit, server.counters().stalled)) {}

    std::latch made;                          // all have their loops, or could not make them
    std::unique_ptr<StallWatchdog> watchdog;  // null: none
};

void SelectingLoops::serve(std::chrono::milliseconds service_interval) {
    ServedRequest::share(server_.socket());
    std::vector<std::exception_ptr> failures(std::max<std::size_t>(server_.options().selecting.threads, 1));
    Together all(server_, failures.size());
    {
        const std::span<std::exception_ptr> further = std::span(failures).subspan(1);
        const LoopThreads others(
            further, all.made, [this, &all] { return run_thread(all); }, [this] { server_.end_loop(); });
        failures.front() = run(all, service_interval, [this](SelectingLoop& running) { accept(running); });
    }
    // None of them has cleared it if it told of the end.
    server_.wakeup().clear();
    for (const std::exception_ptr& failure : failures)
        if (failure)
            std::rethrow_exception(failure);
}

void SelectingLoops::serve_one(Deadline deadline) {
    ServedRequest::share(server_.socket());
    Together alone;
    const auto life = [this, deadline](SelectingLoop&) { accept_one(deadline); };
    if (const std::exception_ptr failure = run(alone, std::nullopt, life))
        std::rethrow_exception(failure);
}

/// What a further thread does.
/// \return what ended it, if anything did
std::exception_ptr SelectingLoops::run_thread(Together& all) noexcept {
    const ServerLoop::ServingThread serving(server_);
    try {
        return run(all, std::nullopt, [this](SelectingLoop& running) { accept(running); });
    } catch (...) {
        server_.end_loop();
        return std::current_exception();
    }
}

/// Serves in the calling thread until the accepting fiber has ended and all requests have. Nothing is accepted before all
/// threads have what they need: whether a server can begin does not depend on how soon its clients come.
/// \param service_interval none for a thread that calls service_actions() after its requests only
/// \param life of the accepting fiber
/// \return what is to come out of serve_forever()
std::exception_ptr SelectingLoops::run(Together& all, std::optional<std::chrono::milliseconds> service_interval,
                                       const Life& life) {
    Arrival arrival(all.made);
    const auto& options = server_.options().selecting;
    SelectingLoop running({options.selector, options.stack_size, options.guard}, service_interval);
    const StallWatchdog::Watched watched(all.watchdog.get(), running.loop);
    listen_to_wakeups(running);
    arrival.arrive_and_wait();
    bool accepting = true;
    running.loop.spawn(
        [this, &running, &accepting, &life] {
            running.acceptor = &Waiter::current();
            guarded([&] { life(running); });
            running.acceptor = nullptr;
            accepting = false;
        },
        &server_);
    while (accepting)
        running.loop.run_once(Deadline::never());
    running.loop.leave_shared();
    drain(running);
    return running.failure;
}

void SelectingLoops::listen_to_wakeups(SelectingLoop& running) {
    running.loop.on_readable(server_.wakeup().fd(), [this, &running] {
        // All loops look at the one descriptor. Whoever clears it hides it from the others, and a shutdown is for all.
        server_.wakeup().clear();
        const bool ending = server_.shutdown_requested();
        if (ending)
            server_.wakeup().notify();
        running.loop.nudge(server_.socket().waitable());
        if (running.acceptor != nullptr)
            running.acceptor->unpark();
        return !ending;  // it stays readable
    });
    running.loop.on_readable(server_.cut_signal().fd(), [&running] {
        running.loop.cut();
        return false;  // it stays readable
    });
}

/// What the accepting fiber does until the server is to stop.
void SelectingLoops::accept(SelectingLoop& running) {
    bool got_one = false;
    for (;;) {
        const bool due = !got_one && running.next_service.expired();
        if (got_one || due)
            server_.service_actions();
        if (due)  // a request does not look at the clock
            running.next_service = Deadline::from_timeout(running.service_interval);
        if (server_.shutdown_requested())
            return;
        got_one = accept_or_wait(running);
        if (got_one)
            running.loop.yield();
    }
}

/// Gets a request, or waits for one, or for what it takes to get one.
/// \return whether there was one
bool SelectingLoops::accept_or_wait(SelectingLoop& running) {
    const Deadline pause = server_.backoff().until();
    if (!pause.expired()) {
        running.loop.leave_shared();  // what comes is for those that can accept it
        Waiter::current().park(earlier(running.next_service, pause));
        return false;
    }
    RequestTicket ticket = server_.limit().take();
    if (!ticket) {
        if (!std::exchange(running.at_limit, true))
            server_.accepting_deferred();
        running.loop.leave_shared();
        server_.limit().wait(running.next_service);
        return false;
    }
    running.at_limit = false;
    const bool got_one = may_make_a_fiber(running) && server_.handle_request_noblock(std::move(ticket));
    if (got_one)
        running.waited = WaitResult::timed_out;
    else if (server_.backoff().until() == pause)  // else one is there, and could not be got
        wait_for_request(running.next_service, running.waited);
    return got_one;
}

/// Whether there is a fiber for a request. If not, that is a failure to accept.
bool SelectingLoops::may_make_a_fiber(SelectingLoop& running) {
    try {
        running.loop.reserve();
        return true;
    } catch (const system_error& failure) {
        server_.get_request_failed(failure);
    } catch (const std::bad_alloc&) {
        server_.get_request_failed(system_error(system_code(ENOMEM), "a fiber to serve"));
    }
    return false;
}

/// What the accepting fiber of handle_request() does.
void SelectingLoops::accept_one(Deadline deadline) {
    WaitResult waited = WaitResult::timed_out;
    while (!server_.shutdown_requested()) {
        const Deadline former_pause = server_.backoff().until();
        const bool late = deadline.expired();
        if (server_.handle_request_noblock(server_.limit().take()))
            return;
        if (late) {
            server_.handle_timeout();
            return;
        }
        if (const Deadline pause = server_.backoff().until(); pause != former_pause || !pause.expired())
            Waiter::current().park(earlier(deadline, pause));
        else
            wait_for_request(deadline, waited);
    }
}

/// \param deadline when to give up
/// \param waited how the last wait ended, if nothing was got since; then how this one did
void SelectingLoops::wait_for_request(Deadline deadline, WaitResult& waited) {
    if (waited == WaitResult::ready && !server_.shutdown_requested())
        server_.require_usable_socket();
    waited = WaitResult::timed_out;
    // There may be no memory for it, or too many watches.
    try {
        waited = Waiter::current().wait(server_.socket().waitable(), Interest::readable, deadline);
    } catch (const system_error& failure) {
        server_.get_request_failed(failure);
    } catch (const std::bad_alloc&) {
        server_.get_request_failed(system_error(system_code(ENOMEM), "a wait for requests"));
    }
}

/// Lets what runs end, first by itself and then by force.
void SelectingLoops::drain(SelectingLoop& running) {
    if (!server_.shutdown_requested() && !running.failure) {  // handle_request(): nothing is being shut down
        while (running.loop.busy() && !server_.shutdown_requested())
            running.loop.run_once(Deadline::never());
    }
    StopSchedule stop(server_.stop_times());
    if (const auto first = stop.due())  // whatever is due next, what is ready has a turn before
        server_.stop_running(*first);
    while (running.loop.busy()) {
        running.loop.run_once(stop.next());
        server_.stop_as_due(stop);
    }
}

void SelectingLoops::failed(std::exception_ptr failure) noexcept {
    SelectingLoop::current().failure = std::move(failure);
    server_.end_loop();
}

}  // namespace socketserver::detail
