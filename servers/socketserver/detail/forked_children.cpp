#include <socketserver/detail/forked_children.hpp>

#include <socketserver/net/request_registry.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/os/signals.hpp>
#include <socketserver/os/standard_streams.hpp>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <initializer_list>
#include <utility>

namespace socketserver::detail {

namespace {

// How long a child that has no pidfd may have ended before it is looked at.
constexpr std::chrono::milliseconds turn{50};

// The C libraries of the oldest systems we support have no wrappers for these (pidfd_open(2)).
UniqueFd pidfd_open(pid_t pid) noexcept {
    return own_descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

void mask_signals(int how, std::initializer_list<int> signals) noexcept {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : signals)
        sigaddset(&set, signal);
    pthread_sigmask(how, &set, nullptr);
}

// A signal handler finds what it works on here: the registry of the child's only request.
std::atomic<RequestRegistry*> term_target{nullptr};
std::atomic<const std::atomic<bool>*> spares_new_requests{nullptr};
static_assert(std::atomic<RequestRegistry*>::is_always_lock_free);

std::atomic<std::size_t> living_children{0};

void on_term(int) {
    if (RequestRegistry* const registry = term_target)
        *spares_new_requests.load() ? registry->stop_only_request_unless_new() : registry->stop_only_request();
}

[[noreturn]] void run_child(const std::function<int()>& work, bool output_was_flushed) {
    std::signal(SIGINT, SIG_IGN);
    living_children = 0;
    int status = EXIT_FAILURE;
    try {
        status = work();
    } catch (...) {  // NOLINT(bugprone-empty-catch): SystemExit, or what is reported already; the status tells
    }
    flush_output_of_child(output_was_flushed);
    ::_exit(status);
}

}  // namespace

int EndedChild::signal() const noexcept {
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

ForkedChildren::ForkedChildren() : ended_(own_descriptor(::epoll_create1(EPOLL_CLOEXEC))) {
    if (!ended_)
        throw_errno(errno, "epoll_create1");
}

pid_t ForkedChildren::start(std::string serving, const std::function<int()>& work, HeldByChild held) {
    // Memory first: a child that there is no note of would never be reaped.
    std::map<pid_t, Child> note;
    note[0] = {{}, std::move(serving), std::move(held)};
    pid_t pid = -1;
    keep_ended_children();
    const bool output_was_flushed = flush_buffered_output();
    {
        // A child that is told to end before it can listen must not die of it, nor take it for its parent's business.
        const ScopedSignalBlock block{SIGINT, SIGTERM};
        pid = ::fork();
        if (pid == 0)
            run_child(work, output_was_flushed);
    }
    if (pid < 0)
        throw_errno(errno, "fork");
    ++living_children;
    auto noted = note.extract(0);
    noted.key() = pid;
    const UniqueFd& pidfd = noted.mapped().pidfd = pidfd_open(pid);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = pid;
    noted.mapped().watched = pidfd && ::epoll_ctl(ended_.get(), EPOLL_CTL_ADD, pidfd.get(), &event) == 0;
    const std::lock_guard lock(mutex_);
    if (!noted.mapped().watched)
        ++unwatched_;
    children_.insert(std::move(noted));
    return pid;
}

std::vector<EndedChild> ForkedChildren::collect() {
    std::vector<EndedChild> ended;
    const std::lock_guard lock(mutex_);
    for (auto child = children_.begin(); unwatched_ > 0 && child != children_.end();) {
        const auto& [pid, each] = *child++;
        if (!each.watched)
            reap_locked(pid, ended);
    }
    std::array<epoll_event, 64> events{};
    int count = 0;
    do {
        count = ::epoll_wait(ended_.get(), events.data(), static_cast<int>(events.size()), 0);
        for (int i = 0; i < count; ++i)
            reap_locked(events[static_cast<std::size_t>(i)].data.fd, ended);
    } while (count == static_cast<int>(events.size()));
    return ended;
}

/// Reaps a child if it has ended.
void ForkedChildren::reap_locked(pid_t pid, std::vector<EndedChild>& ended) {
    ended.emplace_back();  // memory first, as above
    int status = 0;
    const pid_t reaped = ::waitpid(pid, &status, WNOHANG);
    if (reaped == 0) {
        ended.pop_back();
        return;
    }
    const auto entry = children_.find(pid);
    // Without a number: ECHILD, somebody else's waitpid(-1) took the child and its status with it.
    ended.back() = {pid, reaped > 0 ? status : 0, std::move(entry->second.serving)};
    // While a later child holds a copy of the pidfd, closing it would not take it out of the set.
    if (entry->second.watched)
        ::epoll_ctl(ended_.get(), EPOLL_CTL_DEL, entry->second.pidfd.get(), nullptr);
    else
        --unwatched_;
    children_.erase(entry);
    --living_children;
}

bool ForkedChildren::wait_for_end(Deadline deadline) const {
    pollfd polled{ended_.get(), POLLIN, 0};
    const bool late = deadline.expired();
    const int ready = ::poll(&polled, 1, earlier(deadline, Deadline::after(turn)).poll_timeout());
    return ready != 0 || !late;
}

Deadline ForkedChildren::collect_by() const {
    const std::lock_guard lock(mutex_);
    return unwatched_ == 0 ? Deadline::never() : Deadline::after(turn);
}

std::size_t ForkedChildren::size() const {
    const std::lock_guard lock(mutex_);
    return children_.size();
}

std::size_t ForkedChildren::living() noexcept {
    return living_children;
}

std::set<pid_t> ForkedChildren::pids() const {
    const std::lock_guard lock(mutex_);
    std::set<pid_t> pids;
    for (const auto& child : children_)
        pids.insert(child.first);
    return pids;
}

void ForkedChildren::signal_all(int signal) const noexcept {
    // Not yet reaped, so the numbers are still the children's own.
    const std::lock_guard lock(mutex_);
    for (const auto& child : children_)
        ::kill(child.first, signal);
}

TermStopsRequest::TermStopsRequest(RequestRegistry& registry, const std::atomic<bool>& new_ones_are_spared) noexcept {
    spares_new_requests = &new_ones_are_spared;
    term_target = &registry;
    struct sigaction action {};
    action.sa_handler = on_term;
    ::sigaction(SIGTERM, &action, nullptr);
    mask_signals(SIG_UNBLOCK, {SIGINT, SIGTERM});
}

TermStopsRequest::~TermStopsRequest() {
    mask_signals(SIG_BLOCK, {SIGTERM});
    term_target = nullptr;
}

}  // namespace socketserver::detail
