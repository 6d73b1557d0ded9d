#include <socketserver/server_resources.hpp>

#include <socketserver/net/socket_functions.hpp>
#include <socketserver/os/descriptor_limit.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/os/printable.hpp>

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <new>
#include <string>
#include <utility>

namespace socketserver {

ServerResources::ServerResources(Address address, ServerOptions options, RequestSocket request_socket)
    : options_(std::move(options)), address_(address), request_socket_(request_socket) {
    shared_->stop_times.drain = options_.drain;
    shared_->stop_times.first_input = options_.first_input_grace;
}

ServerResources::~ServerResources() = default;

void ServerResources::begin_serving(std::size_t most_at_once) noexcept {
    // Its share of the connections, rounded up.
    if (options_.max_connections > 0)
        most_at_once = std::min(most_at_once, (options_.max_connections - 1) / processes_ + 1);
    limit_.set_most(most_at_once);
    if (shutdown_requested())
        return;
    shared_->stop_times.drain = options_.drain;
    own_.registry.reopen();
    own_.cut.clear();
}

void ServerResources::require_usable_socket() const {
    pollfd polled{socket_.fileno(), POLLRDHUP, 0};
    if (::poll(&polled, 1, 0) > 0)
        require_usable_socket(polled.revents);
}

void ServerResources::require_usable_socket(short events) const {
    // A datagram socket that somebody has shut down would be readable and empty for ever.
    if ((events & (POLLHUP | POLLRDHUP | POLLNVAL)) != 0)
        throw_errno((events & POLLNVAL) != 0 ? EBADF : EBADFD, "no request can come from the socket of",
                    address_.to_string());
}

void ServerResources::bind_socket(int type, bool reuse_address) {
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
void ServerResources::tell_who_shares_port(int type) const {
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

void ServerResources::close_socket() noexcept {
    // The file first: as long as the socket is open no other file can have its inode's number.
    file_.reset();
    socket_.close();
    further_sockets_.clear();
}

void ServerResources::request_shutdown() noexcept {
    shared_->shutdown_requested = true;
    own_.wakeup.notify();  // a worker's parent, which tells all
    if (is_worker())
        state_->wakeup.notify();
}

void ServerResources::end_loop() noexcept {
    if (is_worker())
        state_->end();
    else
        request_shutdown();
}

bool ServerResources::stopping() const noexcept {
    return state_->registry.stopping() || shutdown_requested();
}

void ServerResources::log(Severity severity, std::string_view message) const noexcept {
    try {
        // Much of what is told strangers have sent.
        if (options_.logger)
            options_.logger(severity, is_printable(message) ? message : std::string_view(printable(message)));
    } catch (...) {
        ++counters().log_lines_lost;
    }
}

void ServerResources::get_request_failed(const system_error& failure) {
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

void ServerResources::check_descriptor_limit() {
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

void ServerResources::accepting_deferred() noexcept {
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

void ServerResources::got_request() noexcept {
    ++counters().accepted;
    backoff_.succeeded();
}

}  // namespace socketserver
