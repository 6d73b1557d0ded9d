#include <socketserver/os/signals.hpp>

#include <socketserver/os/error.hpp>

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace socketserver {

namespace {

sigset_t make_set(std::initializer_list<int> signals) noexcept {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : signals)
        sigaddset(&set, signal);
    return set;
}

sigset_t without_ignored(std::initializer_list<int> signals) noexcept {
    sigset_t set = make_set(signals);
    for (const int signal : signals) {
        if (is_ignored(signal))
            sigdelset(&set, signal);
    }
    return set;
}

}  // namespace

ScopedSignalBlock::ScopedSignalBlock(std::initializer_list<int> signals) noexcept : former_() {
    const sigset_t set = make_set(signals);
    pthread_sigmask(SIG_BLOCK, &set, &former_);
}

ScopedSignalBlock::ScopedSignalBlock(const sigset_t& signals) noexcept : former_() {
    pthread_sigmask(SIG_BLOCK, &signals, &former_);
}

ScopedSignalBlock ScopedSignalBlock::asynchronous() noexcept {
    sigset_t set;
    sigfillset(&set);
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS})
        sigdelset(&set, signal);
    return ScopedSignalBlock(set);
}

ScopedSignalBlock::~ScopedSignalBlock() {
    pthread_sigmask(SIG_SETMASK, &former_, nullptr);
}

ScopedOutputSignals::ScopedOutputSignals() noexcept : ours_(make_set({SIGPIPE, SIGXFSZ})) {
    sigset_t pending;
    sigpending(&pending);
    for (const int signal : {SIGPIPE, SIGXFSZ}) {
        if (sigismember(&pending, signal) == 1)
            sigdelset(&ours_, signal);
    }
}

ScopedOutputSignals::~ScopedOutputSignals() {
    const int saved = errno;
    constexpr timespec at_once{};
    while (sigtimedwait(&ours_, nullptr, &at_once) > 0) {
    }
    errno = saved;
}

bool is_ignored(int signal) noexcept {
    struct sigaction action {};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void keep_ended_children() noexcept {
    struct sigaction action {};
    ::sigaction(SIGCHLD, nullptr, &action);
    const bool ignored = (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
    if (!ignored && (action.sa_flags & SA_NOCLDWAIT) == 0)
        return;
    if (ignored)
        action.sa_handler = SIG_DFL;
    action.sa_flags &= ~SA_NOCLDWAIT;
    ::sigaction(SIGCHLD, &action, nullptr);
}

SignalFd::SignalFd(std::initializer_list<int> signals) : SignalFd(without_ignored(signals)) {}

SignalFd::SignalFd(const sigset_t& signals)
    : block_(signals), fd_(own_descriptor(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK))) {
    if (!fd_)
        throw_errno(errno, "signalfd");
}

std::optional<int> SignalFd::take() const {
    signalfd_siginfo info{};
    const auto got = ::read(fd_.get(), &info, sizeof info);
    if (got == static_cast<ssize_t>(sizeof info))
        return static_cast<int>(info.ssi_signo);
    if (got < 0 && errno != EAGAIN && errno != EINTR)
        throw_errno(errno, "read from signalfd");
    return std::nullopt;
}

}  // namespace socketserver
