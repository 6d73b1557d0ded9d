#include <socketserver/detail/worker_signals.hpp>

#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <utility>

namespace socketserver::detail {

namespace {

// The signal handler finds what it works on here.
std::atomic<WorkerSignals*> term_target{nullptr};
static_assert(std::atomic<WorkerSignals*>::is_always_lock_free);

}  // namespace

WorkerSignals::WorkerSignals(ServingState& state, pid_t parent, const StopTimes& times,
                             bool serves_in_one_thread) noexcept
    : state_(state), serves_in_one_thread_(serves_in_one_thread), times_(times), end_grace_(SIGTERM), kill_(SIGKILL) {
    term_target = this;
    struct sigaction action {};
    action.sa_handler = on_term;
    ::sigaction(SIGTERM, &action, nullptr);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    // It may have died before it could be told that we wish to know.
    if (::getppid() != parent)
        ::kill(::getpid(), SIGTERM);
}

WorkerSignals::~WorkerSignals() {
    term_target = nullptr;
}

void WorkerSignals::unblock() noexcept {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void WorkerSignals::on_term(int) noexcept {
    const int saved = errno;
    if (WorkerSignals* const target = term_target)
        target->term();
    errno = saved;
}

void WorkerSignals::term() noexcept {
    const bool cut = state_.shared.cut;
    const bool first = !std::exchange(stopping_, true);
    const std::chrono::nanoseconds first_input = end_grace_ ? times_.grace() : std::chrono::nanoseconds{0};
    if (serves_in_one_thread_) {
        if (cut) {
            state_.registry.cut_only_request();
        } else if (first && first_input.count() > 0) {
            state_.registry.stop_only_request_unless_new();
            end_grace_.arm(first_input);
        } else {
            state_.registry.stop_only_request();
        }
    }
    if (cut)
        state_.cut.notify();
    state_.end();
    if (cut)
        kill_.arm(StopTimes::after_cut);
    else if (first)
        kill_.arm(times_.until_kill());
}

}  // namespace socketserver::detail
