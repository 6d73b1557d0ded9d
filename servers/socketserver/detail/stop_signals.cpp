#include <socketserver/detail/stop_signals.hpp>

#include <socketserver/detail/forked_children.hpp>
#include <socketserver/os/signals.hpp>

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace socketserver::detail {

namespace {

constexpr std::array ending_signals{SIGINT, SIGTERM};
constexpr std::string_view second_signal = "cut short by a second signal";

// What signal handlers look at. Who changes it waits until none looks any more.
std::atomic<StopSignals*> newest{nullptr};
std::atomic<int> handlers_running{0};
std::atomic<pid_t> owner{0};  // the process that has installed the handlers
static_assert(std::atomic<StopSignals*>::is_always_lock_free);

std::mutex list_mutex;  // of who enters the list and who leaves it
// What the program did with the signals, and whether they are ours meanwhile. Guarded by list_mutex.
std::array<struct sigaction, ending_signals.size()> former_actions{};
std::array<bool, ending_signals.size()> taken_over{};

/// Waits until no signal handler looks at what it has been told before.
void wait_for_handlers() noexcept {
    while (handlers_running > 0)
        std::this_thread::yield();
}

/// A line that is put together without memory from the heap.
class Line {
public:
    void add(std::string_view text) noexcept {
        const std::size_t count = std::min(text.size(), text_.size() - size_);
        std::copy_n(text.begin(), count, text_.begin() + size_);
        size_ += count;
    }
    void add(std::uint64_t number) noexcept {
        const auto end = std::to_chars(text_.data() + size_, text_.data() + text_.size(), number);
        size_ = static_cast<std::size_t>(end.ptr - text_.data());
    }
    void write_to(int fd) const noexcept { [[maybe_unused]] const auto written = ::write(fd, text_.data(), size_); }

private:
    std::array<char, 256> text_{};
    std::size_t size_ = 0;
};

}  // namespace

StopSignals::StopSignals(ServerContext& server, StopTimes& times) noexcept
    : server_(&server),
      times_(times),
      can_tell_(::fcntl(STDERR_FILENO, F_GETFD) >= 0),
      too_late_(is_ignored(SIGTERM) ? SIGINT : SIGTERM, this) {
    const std::lock_guard lock(list_mutex);
    const bool is_first = newest == nullptr;
    owner = ::getpid();
    for (std::size_t i = 0; i < ending_signals.size() && is_first; ++i) {
        taken_over[i] = !is_ignored(ending_signals[i]);
        if (!taken_over[i])
            continue;
        struct sigaction action {};
        action.sa_sigaction = on_signal;
        action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
        for (const int each : ending_signals)
            sigaddset(&action.sa_mask, each);
        ::sigaction(ending_signals[i], &action, &former_actions[i]);
    }
    next_ = newest.load();
    newest = this;
}

StopSignals::~StopSignals() {
    too_late_.disarm();
    const std::lock_guard lock(list_mutex);
    std::atomic<StopSignals*>* place = &newest;
    while (*place != this)
        place = &place->load()->next_;
    *place = next_.load();
    wait_for_handlers();
    for (std::size_t i = 0; i < ending_signals.size() && newest == nullptr; ++i) {
        if (taken_over[i])
            ::sigaction(ending_signals[i], &former_actions[i], nullptr);
    }
}

void StopSignals::rearm() noexcept {
    too_late_.disarm();
    times_.cut_now = false;
    asked_ = false;
}

void StopSignals::server_closed() noexcept {
    server_ = nullptr;
    wait_for_handlers();
}

void StopSignals::on_signal(int signal, siginfo_t* info, void*) noexcept {
    const int saved = errno;
    if (::getpid() != owner) {
        // A handler has forked this process: what it is told is not for the server. It comes once more when this returns.
        std::signal(signal, SIG_DFL);
        ::raise(signal);
        errno = saved;
        return;
    }
    ++handlers_running;
    for (StopSignals* each = newest; each != nullptr; each = each->next_)
        each->come(*info);
    --handlers_running;
    errno = saved;
}

void StopSignals::come(const siginfo_t& info) noexcept {
    const std::uint64_t requests = running();
    const bool in_children = ForkedChildren::living() > 0;
    if (info.si_code == SI_TIMER) {
        // What runs in children has been killed by then, or is about to be.
        if (info.si_value.sival_ptr == this && asked_ && requests > 0 && !in_children)
            leave(requests, "still running when the time to drain was up");
    } else if (!asked_.exchange(true) || requests == 0) {
        ask();
    } else if (in_children) {
        cut_short_ = requests;
        times_.cut_now = true;
    } else {
        leave(requests, second_signal);
    }
}

void StopSignals::ask() noexcept {
    ServerContext* const server = server_;
    if (server == nullptr)
        return;
    server->request_shutdown();
    too_late_.arm(times_.until_kill());
}

std::uint64_t StopSignals::running() const noexcept {
    const ServerContext* const server = server_;
    return server == nullptr ? 0 : server->statistics().active;
}

void StopSignals::leave_if_cut_short() const noexcept {
    if (cut_short_ > 0)
        leave(cut_short_, second_signal);
}

void StopSignals::leave(std::uint64_t requests, std::string_view why) const noexcept {
    Line line;
    line.add(program_invocation_short_name);
    line.add(": ");
    line.add(requests);
    line.add(requests == 1 ? " request " : " requests ");
    line.add(why);
    line.add("\n");
    if (can_tell_)
        line.write_to(STDERR_FILENO);
    ::_exit(EXIT_FAILURE);
}

}  // namespace socketserver::detail
