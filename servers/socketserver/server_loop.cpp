#include <socketserver/server_loop.hpp>

#include <socketserver/detail/eagerness.hpp>
#include <socketserver/net/socket_functions.hpp>
#include <socketserver/os/descriptor_limit.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/os/printable.hpp>

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>
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
    : options_(std::move(options)), address_(address), request_socket_(request_socket) {
    shared_->stop_times.drain = options_.drain;
    shared_->stop_times.first_input = options_.first_input_grace;
    if (options_.stop_signals)
        stop_signals_.emplace(*this, shared_->stop_times);
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
        server_.limit_.set_most(server_.share_of_connections());
        server_.served_as_ = &typeid(server_);
        if (!server_.shutdown_requested()) {
            server_.shared_->stop_times.drain = server_.options_.drain;
            server_.own_.registry.reopen();
            server_.own_.cut.clear();
            if (server_.stop_signals_)
                server_.stop_signals_->rearm();
        }
    }
    ~Serving() {
        {
            const std::lock_guard lock(server_.mutex_);
            server_.serving_ = false;
            server_.shared_->shutdown_requested = false;
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
        bool served = waited == Waited::request && handle_request_noblock(limit_.take());
        service_actions();
        // What has come meanwhile is got without being waited for, which saves a system call.
        while (served && eagerness.is_due() && may_get_another()) {
            served = handle_request_noblock(limit_.take());
            eagerness.tried(served);
            if (served)
                service_actions();
        }
    }
}

bool ServerLoop::may_get_another() {
    release_finished();
    return !shutdown_requested() && !limit_.exhausted();
}

void ServerLoop::handle_request() {
    const Serving serving(*this);
    serve_one(Deadline::from_timeout(options_.timeout));
}

void ServerLoop::serve_one(Deadline deadline) {
    while (!shutdown_requested()) {
        switch (wait_for_request(deadline)) {
            case Waited::request: handle_request_noblock(limit_.take()); return;
            case Waited::timed_out: handle_timeout(); return;
            case Waited::woken: break;
        }
    }
}

ServerLoop::Waited ServerLoop::wait_for_request(Deadline deadline, const Wakeup& woken_by) {
    release_finished();
    const bool pausing = backoff_.pausing();
    const bool at_limit = limit_.exhausted();
    if (at_limit && !at_limit_)
        accepting_deferred();
    at_limit_ = at_limit;
    // poll(2) passes over negative descriptors.
    const int listener = at_limit || pausing ? -1 : socket_.fileno();
    const Ends ends = ends_to_wait_for();
    std::array<pollfd, 3> polled{{{woken_by.fd(), POLLIN, 0}, {ends.fd, POLLIN, 0}, {listener, POLLIN | POLLRDHUP, 0}}};
    const Deadline until = earlier(pausing ? earlier(deadline, backoff_.until()) : deadline, ends.look_by);
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
        backoff_.resume();
    }
    if (polled[1].revents != 0)
        backoff_.resume();
    if (polled[2].revents == 0 || shutdown_requested())
        return Waited::woken;
    require_usable_socket(polled[2].revents);
    return Waited::request;
}

void ServerLoop::require_usable_socket() const {
    pollfd polled{socket_.fileno(), POLLRDHUP, 0};
    if (::poll(&polled, 1, 0) > 0)
        require_usable_socket(polled.revents);
}

/// \param events what poll(2) says of the socket, POLLRDHUP asked for
void ServerLoop::require_usable_socket(short events) const {
    // A datagram socket that somebody has shut down would be readable and empty for ever.
    if ((events & (POLLHUP | POLLRDHUP | POLLNVAL)) != 0)
        throw_errno((events & POLLNVAL) != 0 ? EBADF : EBADFD, "no request can come from the socket of",
                    address_.to_string());
}

void ServerLoop::bind_socket(int type, bool reuse_address) {
    if (options_.inherited_socket >= 0) {
        socket_ = Socket{UniqueFd{options_.inherited_socket}};
    } else {
        if (shares_port_ && address_.family() != AF_UNIX)
            tell_who_shares_port(type);
        if (address_.family() == AF_UNIX)
            file_.emplace(address_);
        try {
            socket_ = create_bound(address_, type,
                                   {.reuse_address = options_.allow_reuse_address.value_or(reuse_address),
                                    .reuse_port = shares_port_,
                                    .unix_socket_mode = options_.unix_socket_mode});
        } catch (...) {
            file_.reset();  // others may try
            throw;
        }
        if (file_)
            file_->created();
    }
    address_ = socket_.getsockname();
}

/// Warns if somebody is bound to the address already, with whom the kernel will share what comes (SO_REUSEPORT).
/// \param type SOCK_STREAM or SOCK_DGRAM
void ServerLoop::tell_who_shares_port(int type) const {
    if (address_.port() == 0)
        return;
    try {
        // Not refused for connections that linger.
        static_cast<void>(create_bound(address_, type, {.reuse_address = type == SOCK_STREAM}));
    } catch (const system_error& failure) {
        if (failure.code() == system_code(EADDRINUSE))
            log(Severity::warning, "another process or server listens on " + address_.to_string() +
                                       " too: the kernel shares what comes among them");
    }
}

void ServerLoop::close_socket() noexcept {
    // The file first: as long as the socket is open no other file can have its inode's number.
    file_.reset();
    socket_.close();
    further_sockets_.clear();
}

void ServerLoop::shutdown() {
    end_serving(Deadline::after(options_.drain));
}

DrainReport ServerLoop::shutdown(std::chrono::nanoseconds drain) {
    const Statistics before = statistics();
    shared_->stop_times.drain = drain;
    const Deadline deadline = Deadline::after(drain);
    if (!end_serving(deadline))
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
bool ServerLoop::end_serving(Deadline cut) {
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

/// Waits for running requests to end; asked to, and then by force.
/// \param cut when to cut them
void ServerLoop::finish_running(Deadline cut) {
    detail::StopSchedule stop(stop_times(), cut);
    do
        stop_as_due(stop);
    while (!join_running(earlier(stop.next(), Deadline::after(detail::StopTimes::turn))));
}

void ServerLoop::request_shutdown() noexcept {
    shared_->shutdown_requested = true;
    own_.wakeup.notify();  // a worker's parent, which tells all
    if (is_worker())
        state_->wakeup.notify();
}

void ServerLoop::end_loop() noexcept {
    if (is_worker())
        state_->end();
    else
        request_shutdown();
}

void ServerLoop::server_close() {
    if (called_by_own_request() || is_worker())
        throw std::logic_error(
            "server_close() called by a handler, for which it would have to wait: call request_shutdown()");
    if (closed_)
        return;
    end_serving(options_.block_on_close ? Deadline::after(options_.drain) : Deadline::now());
    closed_ = true;
    if (!requests_share_socket())
        close_socket();
    finish_running(options_.block_on_close ? Deadline::after(options_.drain) : Deadline::now());
    close_socket();
    if (stop_signals_) {
        stop_signals_->leave_if_cut_short();
        stop_signals_->server_closed();
    }
}

bool ServerLoop::stopping() const noexcept {
    return state_->registry.stopping() || shutdown_requested();
}

void ServerLoop::log(Severity severity, std::string_view message) const noexcept {
    try {
        // Much of what is told strangers have sent.
        if (options_.logger)
            options_.logger(severity, is_printable(message) ? message : std::string_view(printable(message)));
    } catch (...) {
        ++counters().log_lines_lost;
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

void ServerLoop::get_request_failed(const system_error& failure) {
    using Cause = detail::AcceptBackoff::Cause;
    Cause cause = Cause::other;
    std::atomic<std::uint64_t>* count_of_cause = nullptr;
    const char* outlook = "; trying again";
    switch (failure.code().value()) {
        case EMFILE:
        case ENFILE:
            cause = Cause::no_descriptors;
            count_of_cause = &counters().no_descriptors;
            outlook = "; waiting for some to be given back";
            break;
        case ENOBUFS:
        case ENOMEM:
            cause = Cause::no_memory;
            count_of_cause = &counters().no_memory;
            outlook = "; waiting for some to be given back";
            break;
        // The socket itself is gone or no longer listens.
        case EBADF:
        case EINVAL:
        case ENOTSOCK: ++counters().accept_errors; throw failure;
        default: break;
    }
    const auto times = backoff_.failed(cause);
    if (!times)
        return;
    ++counters().accept_errors;
    if (count_of_cause != nullptr)
        ++*count_of_cause;
    if (*times > 0)
        log(Severity::error, std::string(failure.what()) + " (" + std::to_string(*times) +
                                 (*times == 1 ? " time)" : " times)") + outlook);
}

/// What this process may serve at once: its share of ServerOptions::max_connections, rounded up, or less.
std::size_t ServerLoop::share_of_connections() const noexcept {
    if (options_.max_connections == 0)
        return most_at_once();
    return std::min(most_at_once(), (options_.max_connections - 1) / processes_ + 1);
}

/// Tells of a limit on connections for which there are not enough descriptors.
void ServerLoop::check_descriptor_limit() {
    if (options_.max_connections == 0 || requests_share_socket() || std::exchange(told_of_descriptor_limit_, true))
        return;
    const std::size_t wanted = limit_.most();
    const std::size_t limit = descriptor_limit();
    const std::size_t used = open_descriptors();
    if (limit - std::min(limit, used) < wanted)
        log(Severity::warning, "max_connections allows for " + std::to_string(wanted) +
                                   " connections in a process, but RLIMIT_NOFILE for " + std::to_string(limit) +
                                   " descriptors, of which " + std::to_string(used) +
                                   " are open already: raise that (ulimit -n) or lower max_connections");
}

void ServerLoop::accepting_deferred() noexcept {
    // Threads that are just being made, and loops that only look whether there is a request, are none.
    if (counters().active < limit_.most())
        return;
    ++counters().deferred;
    // That all that a concurrency has is in use is normal service; that a limit which somebody has set is reached is news.
    if (options_.max_connections == 0)
        return;
    try {
        if (const std::uint64_t times = deferrals_.happened(); times > 0)
            log(Severity::warning, std::to_string(limit_.most()) +
                                       " connections are open, the most allowed: others wait (" +
                                       std::to_string(times) + (times == 1 ? " time)" : " times)"));
    } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): it has been counted
    }
}

void ServerLoop::got_request() noexcept {
    ++counters().accepted;
    backoff_.succeeded();
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
