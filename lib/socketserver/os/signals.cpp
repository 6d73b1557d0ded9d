#include <socketserver/os/signals.hpp>

#include <socketserver/os/error.hpp>

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

namespace socketserver {

namespace {

sigset_t make_set(std::initializer_list<int> signals) noexcept {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : signals)
        sigaddset(&set, signal);
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

SignalFd::SignalFd(std::initializer_list<int> signals) : block_(signals) {
    const sigset_t set = make_set(signals);
    fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
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
