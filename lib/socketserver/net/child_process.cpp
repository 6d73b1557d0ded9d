#include <socketserver/net/child_process.hpp>

#include <socketserver/os/descriptor_limit.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/os/signals.hpp>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace socketserver {

namespace {

constexpr int first_free = 3;  // after the standard streams

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            throw_errno(errno, "pipe2 for a child process");
        UniqueFd second{ends[1]};
        reader = own_descriptor(ends[0]);
        writer = own_descriptor(second.release());
        if (!reader || !writer)
            throw_errno(errno, "fcntl for a child process");
    }

    UniqueFd reader;
    UniqueFd writer;
};

void check(int failure, const char* operation, const std::string& subject = {}) {
    if (failure != 0)
        throw_errno(failure, operation, subject);
}

/// The lifeline's number in a program: the usual one, or the highest that the limit on descriptors allows.
int lifeline_number() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        throw_errno(errno, "getrlimit");
    constexpr rlim_t usual = ChildProcess::lifeline_descriptor;
    return static_cast<int>(std::clamp<rlim_t>(limit.rlim_cur, first_free + 1, usual + 1) - 1);
}

/// What is done in the child before the program begins.
class Actions {
public:
    Actions(int output, int lifeline) {
        check(::posix_spawn_file_actions_init(&actions_), "posix_spawn_file_actions_init");
        try {
            constexpr auto adding = "posix_spawn_file_actions";
            check(::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0), adding);
            check(::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO), adding);
            check(::posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO), adding);
            // By a detour, because everything from a descriptor up can be closed, also what others have left open here.
            check(::posix_spawn_file_actions_adddup2(&actions_, lifeline, first_free), adding);
            check(::posix_spawn_file_actions_addclosefrom_np(&actions_, first_free + 1), adding);
            if (const int number = lifeline_number(); number != first_free) {
                check(::posix_spawn_file_actions_adddup2(&actions_, first_free, number), adding);
                check(::posix_spawn_file_actions_addclose(&actions_, first_free), adding);
            }
        } catch (...) {
            ::posix_spawn_file_actions_destroy(&actions_);
            throw;
        }
    }
    ~Actions() { ::posix_spawn_file_actions_destroy(&actions_); }
    Actions(const Actions&) = delete;
    Actions& operator=(const Actions&) = delete;

    [[nodiscard]] const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

private:
    posix_spawn_file_actions_t actions_{};
};

/// What the program is to begin with.
class Attributes {
public:
    Attributes() {
        check(::posix_spawnattr_init(&attributes_), "posix_spawnattr_init");
        sigset_t none;
        sigset_t all;
        ::sigemptyset(&none);
        ::sigfillset(&all);
        // These cannot fail: they only store their arguments.
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        ::posix_spawnattr_setpgroup(&attributes_, 0);
        ::posix_spawnattr_setflags(&attributes_,
                                   POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    }
    ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;

    [[nodiscard]] const posix_spawnattr_t* get() const noexcept { return &attributes_; }

private:
    posix_spawnattr_t attributes_{};
};

/// Undoes raise_descriptor_limit() for a program: posix_spawn(3) has no word for it, so it is done when the program has just begun.
void give_back_descriptor_limit(pid_t pid) noexcept {
    const auto former = former_descriptor_limit();
    rlimit limit{};
    if (!former || ::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) != 0)
        return;
    limit.rlim_cur = *former;
    ::prlimit(pid, RLIMIT_NOFILE, &limit, nullptr);
}

pid_t spawn(const std::vector<std::string>& command, int output, int lifeline) {
    std::vector<std::string> copies = command;
    std::vector<char*> arguments;
    arguments.reserve(copies.size() + 1);
    for (std::string& copy : copies)
        arguments.push_back(copy.data());
    arguments.push_back(nullptr);
    const Actions actions(output, lifeline);
    const Attributes attributes;
    keep_ended_children();
    pid_t pid = -1;
    check(::posix_spawn(&pid, arguments.front(), actions.get(), attributes.get(), arguments.data(), environ),
          "posix_spawn", command.front());
    give_back_descriptor_limit(pid);
    return pid;
}

int reap(pid_t pid) noexcept {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return ChildProcess::unknown_end;
    }
    return status;
}

/// Has the kernel kill the process group when the lifeline's reader goes.
bool tie(int lifeline, pid_t group) noexcept {
    return ::fcntl(lifeline, F_SETOWN, -group) == 0 && ::fcntl(lifeline, F_SETSIG, SIGKILL) == 0 &&
           ::fcntl(lifeline, F_SETFL, O_ASYNC) == 0;
}

}  // namespace

struct ChildProcess::Started {
    UniqueFd lifeline;
    UniqueFd output;
    UniqueFd process;
    pid_t pid;
};

ChildProcess::Started ChildProcess::start(const std::vector<std::string>& command) {
    Pipe output;
    Pipe lifeline;
    if (::fcntl(output.reader.get(), F_SETFL, O_NONBLOCK) != 0)
        throw_errno(errno, "fcntl for a child process");
    const pid_t pid = spawn(command, output.writer.get(), lifeline.writer.get());
    const bool tied = tie(lifeline.writer.get(), pid);
    int failure = errno;
    // The C libraries of the oldest systems we support have no wrapper for this (pidfd_open(2)).
    UniqueFd process = own_descriptor(tied ? static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)) : -1);
    if (!process) {
        failure = tied ? errno : failure;
        ::kill(-pid, SIGKILL);
        reap(pid);
        throw_errno(failure, tied ? "pidfd_open for a child process" : "fcntl for a child process");
    }
    return {std::move(lifeline.reader), std::move(output.reader), std::move(process), pid};
}

ChildProcess::ChildProcess(const std::vector<std::string>& command) : ChildProcess(start(command)) {}

ChildProcess::ChildProcess(Started started) noexcept
    : lifeline_(std::move(started.lifeline)),
      output_(std::move(started.output)),
      process_(std::move(started.process)),
      pid_(started.pid) {}

ChildProcess::~ChildProcess() {
    end();
}

IoResult ChildProcess::read_some(std::span<std::byte> buffer, Deadline deadline) {
    for (;;) {
        const ssize_t count = ::read(output_.fd.get(), buffer.data(), buffer.size());
        if (count >= 0)
            return {static_cast<std::size_t>(count), count > 0 ? IoStatus::ok : IoStatus::eof};
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            throw_errno(errno, "read from a child process");
        const WaitResult waited = Waiter::current().wait(output_.waitable, Interest::readable, deadline);
        if (waited != WaitResult::ready)
            return {0, waited == WaitResult::timed_out ? IoStatus::timed_out : IoStatus::cut};
    }
}

WaitResult ChildProcess::wait(Deadline deadline) {
    const auto has_ended = [this] {
        pollfd polled{process_.fd.get(), POLLIN, 0};
        return ::poll(&polled, 1, 0) > 0;
    };
    while (!reaped_ && !has_ended()) {
        const WaitResult waited = Waiter::current().wait(process_.waitable, Interest::readable, deadline);
        if (waited != WaitResult::ready)
            return waited;
    }
    return WaitResult::ready;
}

int ChildProcess::end() noexcept {
    if (reaped_)
        return status_;
    // Before the process is reaped, as long as its number is sure to be the group's.
    ::kill(-pid_, SIGKILL);
    try {
        // A program that cannot be killed, for want of rights, or inside a system call that hangs, holds up its own context only;
        // unless that has been cut.
        wait(Deadline::never());
    } catch (const system_error&) {  // NOLINT(bugprone-empty-catch): waitpid(2) waits as well
    }
    status_ = reap(pid_);
    reaped_ = true;
    return status_;
}

}  // namespace socketserver
