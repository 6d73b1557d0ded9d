#include <socketserver/detail/worker_state.hpp>

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace socketserver::detail {

namespace {

// The signal handler finds what it works on here.
std::atomic<WorkerSignals*> term_target{nullptr};
static_assert(std::atomic<WorkerSignals*>::is_always_lock_free);

}  // namespace

WorkerSignals::WorkerSignals(WorkerState& state, pid_t parent, const StopTimes& times,
                             bool serves_in_one_thread) noexcept
    : state_(state), serves_in_one_thread_(serves_in_one_thread), times_(times) {
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGKILL;
    can_kill_ = ::timer_create(CLOCK_MONOTONIC, &event, &kill_) == 0;
    event.sigev_signo = SIGTERM;
    can_end_grace_ = ::timer_create(CLOCK_MONOTONIC, &event, &end_grace_) == 0;
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
    const std::chrono::nanoseconds first_input = can_end_grace_ ? times_.grace() : std::chrono::nanoseconds{0};
    if (serves_in_one_thread_) {
        if (cut) {
            state_.registry.cut_only_request();
        } else if (first && first_input.count() > 0) {
            state_.registry.stop_only_request_unless_new();
            arm(end_grace_, first_input);
        } else {
            state_.registry.stop_only_request();
        }
    }
    if (cut)
        state_.cut.notify();
    state_.end();
    if (can_kill_ && (first || cut)) {
        const std::chrono::nanoseconds drain = times_.drain;
        // A day is long enough for the timer's arithmetic, and short enough for nobody.
        if (cut)
            arm(kill_, StopTimes::after_cut);
        else if (drain < std::chrono::hours{24})
            arm(kill_, drain + StopTimes::after_cut);
    }
}

void WorkerSignals::arm(timer_t timer, std::chrono::nanoseconds span) noexcept {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(span);
    itimerspec when{};
    when.it_value.tv_sec = seconds.count();
    when.it_value.tv_nsec = (span - seconds).count();
    ::timer_settime(timer, 0, &when, nullptr);
}

}  // namespace socketserver::detail
