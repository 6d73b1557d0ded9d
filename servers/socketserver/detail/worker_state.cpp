#include <socketserver/detail/worker_state.hpp>

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace socketserver::detail {

namespace {

// The signal handler finds what it works on here.
std::atomic<WorkerSignals*> term_target{nullptr};
static_assert(std::atomic<WorkerSignals*>::is_always_lock_free);

}  // namespace

WorkerSignals::WorkerSignals(WorkerState& state, pid_t parent, std::chrono::nanoseconds drain,
                             bool serves_in_one_thread) noexcept
    : state_(state), serves_in_one_thread_(serves_in_one_thread), drain_(drain) {
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGKILL;
    can_kill_ = ::timer_create(CLOCK_MONOTONIC, &event, &kill_) == 0;
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
    if (serves_in_one_thread_) {
        if (cut)
            state_.registry.cut_only_request();
        else
            state_.registry.stop_only_request();
    }
    if (cut)
        state_.cut.notify();
    state_.end();
    // A day is long enough for the timer's arithmetic, and short enough for nobody.
    if (can_kill_ && drain_ < std::chrono::hours{24}) {
        const auto left = grace + (cut ? std::chrono::nanoseconds{0} : drain_);
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
        itimerspec when{};
        when.it_value.tv_sec = seconds.count();
        when.it_value.tv_nsec = (left - seconds).count();
        ::timer_settime(kill_, 0, &when, nullptr);
    }
}

}  // namespace socketserver::detail
