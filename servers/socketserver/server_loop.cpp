#include <socketserver/server_loop.hpp>

#include <socketserver/detail/eagerness.hpp>
#include <socketserver/os/error.hpp>

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace socketserver {

thread_local const ServerLoop::ServingThread* ServerLoop::ServingThread::innermost_ = nullptr;

ServerLoop::ServingThread::ServingThread(const ServerLoop& server) noexcept
    : server_(server), outer_(std::exchange(innermost_, this)) {}

ServerLoop::ServingThread::~ServingThread() {
    innermost_ = outer_;
}

Deadline ServerLoop::EndsOwnRequest::see_to_it(bool woken) noexcept {
    if (woken)
        server_.wakeup().clear();
    if (!server_.shutdown_requested())
        return Deadline::never();
    if (!stop_)
        stop_.emplace(server_.stop_times());
    server_.stop_as_due(*stop_);
    return stop_->next();
}

ServerLoop::ServerLoop(Address address, ServerOptions options, RequestSocket request_socket)
    : ServerResources(address, std::move(options), request_socket) {
    if (this->options().stop_signals)
        stop_signals_.emplace(*this, stop_times());
}

ServerLoop::~ServerLoop() = default;

/// The time during which a thread serves: one at a time.
class ServerLoop::Serving {
public:
    explicit Serving(ServerLoop& server) : server_(server) {
        const std::lock_guard lock(server_.mutex_);
        if (server_.serving_)
            throw std::logic_error("the server is being served already");
        if (server_.fileno() < 0 && !server_.shutdown_requested())
            throw std::logic_error("the server was never bound: call server_bind() and server_activate()");
        server_.serving_ = true;
        server_.served_as_ = &typeid(server_);
        server_.begin_serving(server_.most_at_once());
        if (server_.stop_signals_ && !server_.shutdown_requested())
            server_.stop_signals_->rearm();
    }
    ~Serving() {
        {
            const std::lock_guard lock(server_.mutex_);
            server_.serving_ = false;
            server_.end_serving();
        }
        server_.not_serving_.notify_all();
    }
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;

private:
    ServerLoop& server_;
    const ServingThread thread_{server_};
};

void ServerLoop::serve_forever(std::chrono::milliseconds service_interval) {
    const Serving serving(*this);
    check_descriptor_limit();
    serve_loop(service_interval);
    stop_running(stop_times().first_step());
}

void ServerLoop::serve_loop(std::chrono::milliseconds service_interval) {
    detail::Eagerness eagerness;
    while (!shutdown_requested()) {
        const Waited waited = wait_for_request(Deadline::after(service_interval));
        if (shutdown_requested())
            break;
        bool served = waited == Waited::request && handle_request_noblock(limit().take());
        service_actions();
        // What has come meanwhile is got without being waited for, which saves a system call.
        while (served && eagerness.is_due() && may_get_another()) {
            served = handle_request_noblock(limit().take());
            eagerness.tried(served);
            if (served)
                service_actions();
        }
    }
}

bool ServerLoop::may_get_another() {
    release_finished();
    return !shutdown_requested() && !limit().exhausted();
}

void ServerLoop::handle_request() {
    const Serving serving(*this);
    serve_one(Deadline::from_timeout(options().timeout));
}

void ServerLoop::serve_one(Deadline deadline) {
    while (!shutdown_requested()) {
        switch (wait_for_request(deadline)) {
            case Waited::request: handle_request_noblock(limit().take()); return;
            case Waited::timed_out: handle_timeout(); return;
            case Waited::woken: break;
        }
    }
}

ServerLoop::Waited ServerLoop::wait_for_request(Deadline deadline, const Wakeup& woken_by) {
    release_finished();
    const bool pausing = backoff().pausing();
    const bool at_limit = limit().exhausted();
    if (at_limit && !at_limit_)
        accepting_deferred();
    at_limit_ = at_limit;
    // poll(2) passes over negative descriptors.
    const int listener = at_limit || pausing ? -1 : fileno();
    const Ends ends = ends_to_wait_for();
    std::array<pollfd, 3> polled{{{woken_by.fd(), POLLIN, 0}, {ends.fd, POLLIN, 0}, {listener, POLLIN | POLLRDHUP, 0}}};
    const Deadline until = earlier(pausing ? earlier(deadline, backoff().until()) : deadline, ends.look_by);
    const int ready = ::poll(polled.data(), polled.size(), until.poll_timeout());
    if (ready < 0) {
        if (errno != EINTR)
            throw_errno(errno, "poll");
        return Waited::woken;
    }
    if (ready == 0)
        return deadline.expired() ? Waited::timed_out : Waited::woken;
    if (polled[0].revents != 0) {
        woken_by.clear();
        backoff().resume();
    }
    if (polled[1].revents != 0)
        backoff().resume();
    if (polled[2].revents == 0 || shutdown_requested())
        return Waited::woken;
    require_usable_socket(polled[2].revents);
    return Waited::request;
}

void ServerLoop::shutdown() {
    stop_serving(Deadline::after(options().drain));
}

DrainReport ServerLoop::shutdown(std::chrono::nanoseconds drain) {
    const Statistics before = statistics();
    stop_times().drain = drain;
    const Deadline deadline = Deadline::after(drain);
    if (!stop_serving(deadline))
        return {};
    finish_running(deadline);
    const Statistics after = statistics();
    const std::uint64_t ended = after.handled + after.failed - before.handled - before.failed;
    const std::uint64_t cut = std::min(after.cut - before.cut, ended);
    return {ended - cut, cut, after.rejected - before.rejected};
}

/// Ends serve_forever() and waits until it has returned.
/// \param cut when to cut the request that keeps it from returning
/// \return false if it cannot wait, since it is called by what it would wait for
bool ServerLoop::stop_serving(Deadline cut) {
    request_shutdown();
    if (called_by_own_request() || called_by_serving_thread() || is_worker())
        return false;
    detail::StopSchedule stop(stop_times(), cut);
    std::unique_lock lock(mutex_);
    while (serving_) {
        lock.unlock();
        stop_as_due(stop);
        lock.lock();
        const auto has_returned = [this] { return !serving_; };
        // A time that never comes is not for the clock's arithmetic.
        if (stop.next().is_never())
            not_serving_.wait(lock, has_returned);
        else
            not_serving_.wait_until(lock, stop.next().when(), has_returned);
    }
    return true;
}

void ServerLoop::finish_running(Deadline cut) {
    detail::StopSchedule stop(stop_times(), cut);
    do {
        if (cutting())
            stop.hasten_cut();
        stop_as_due(stop);
    } while (!join_running(earlier(stop.next(), Deadline::after(detail::StopTimes::turn))));
}

void ServerLoop::server_close() {
    if (called_by_own_request() || is_worker())
        throw std::logic_error(
            "server_close() called by a handler, for which it would have to wait: call request_shutdown()");
    if (closed_)
        return;
    stop_serving(options().block_on_close ? Deadline::after(options().drain) : Deadline::now());
    closed_ = true;
    if (!requests_share_socket())
        close_socket();
    finish_running(options().block_on_close ? Deadline::after(options().drain) : Deadline::now());
    close_socket();
    if (stop_signals_) {
        stop_signals_->leave_if_cut_short();
        stop_signals_->server_closed();
    }
}

void ServerLoop::stop_running(detail::StopStep step) noexcept {
    switch (step) {
        case detail::StopStep::ask_old: registry().stop_all_but_new(); break;
        case detail::StopStep::ask_all: registry().stop_all(); break;
        case detail::StopStep::cut:
            registry().announce_cut();
            cut_signal().notify();
            registry().cut_all();
            break;
        case detail::StopStep::kill: break;
    }
}

bool ServerLoop::join_running(Deadline) {
    return true;
}

void ServerLoop::close_in_destructor(const std::type_info& destroyed) noexcept {
    bool subclass_is_gone = false;
    {
        const std::lock_guard lock(mutex_);
        subclass_is_gone =
            served_as_ != nullptr && *served_as_ != destroyed && (serving_ || counters().active.load() != 0);
    }
    if (subclass_is_gone && !closed_) {
        log(Severity::error, "a server was destroyed while requests were running: a subclass that overrides hooks "
                             "must call server_close() in its destructor");
        std::abort();
    }
    try {
        server_close();
    } catch (const std::exception& failure) {
        log(Severity::error, failure.what());
    }
}

bool ServerLoop::called_by_own_request() const noexcept {
    return Waiter::current().server() == this;
}

bool ServerLoop::called_by_serving_thread() const noexcept {
    const ServingThread* each = ServingThread::innermost_;
    while (each != nullptr && &each->server_ != this)
        each = each->outer_;
    return each != nullptr;
}

}  // namespace socketserver
