#include "child.hpp"

#include <socketserver/os/error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace socketserver::bench {

namespace {

std::pair<UniqueFd, UniqueFd> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        throw_errno(errno, "pipe2");
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// An end that nobody reads, and one to write to.
std::pair<UniqueFd, UniqueFd> drop() {
    UniqueFd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    if (!null)
        throw_errno(errno, "open", "/dev/null");
    return {UniqueFd(), std::move(null)};
}

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::vector<pid_t> tree(pid_t process) {
    std::vector<pid_t> all{process};
    std::error_code gone;
    const std::string folder = "/proc/" + std::to_string(process) + "/task";
    for (auto thread = std::filesystem::directory_iterator(folder, gone);
         !gone && thread != std::filesystem::directory_iterator(); thread.increment(gone)) {
        std::ifstream children(thread->path() / "children");
        for (pid_t child = 0; children >> child;) {
            const auto theirs = tree(child);
            all.insert(all.end(), theirs.begin(), theirs.end());
        }
    }
    return all;
}

}  // namespace

Child::Child(std::string name, const std::vector<std::string>& command, const std::vector<int>& processors,
             const SignalFd& signals, Output output)
    : name_(std::move(name)), signals_(signals), error_(::memfd_create("standard error", MFD_CLOEXEC)) {
    if (!error_)
        throw_errno(errno, "memfd_create");
    auto [their_input, input] = make_pipe();
    auto [our_output, their_output] = output == Output::read ? make_pipe() : drop();
    std::vector<std::string> copies = command;
    std::vector<char*> arguments;
    arguments.reserve(copies.size() + 1);
    for (std::string& each : copies)
        arguments.push_back(each.data());
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0)
        throw_errno(errno, "fork");
    if (pid_ == 0)
        begin(arguments, processors, their_input.get(), their_output.get());
    input_ = std::move(input);
    output_ = std::move(our_output);
}

/// What the child does until it is another program.
void Child::begin(std::vector<char*>& arguments, const std::vector<int>& processors, int input, int output) {
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::signal(SIGPIPE, SIG_DFL);
    ::signal(SIGXFSZ, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (!processors.empty()) {
        cpu_set_t set;
        CPU_ZERO(&set);
        for (const int processor : processors)
            CPU_SET(static_cast<std::size_t>(processor), &set);
        ::sched_setaffinity(0, sizeof set, &set);
    }
    ::dup2(input, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(error_.get(), STDERR_FILENO);
    ::execvp(arguments.front(), arguments.data());
    constexpr int cannot_run = 127;
    ::_exit(cannot_run);
}

Child::~Child() {
    if (pid_ < 0)
        return;
    ::kill(pid_, SIGKILL);
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

std::string Child::read_line(Deadline deadline) {
    for (;;) {
        if (const auto end = pending_.find('\n'); end != std::string::npos) {
            std::string line = pending_.substr(0, end);
            pending_.erase(0, end + 1);
            return line;
        }
        std::array<pollfd, 2> both{{{output_.get(), POLLIN, 0}, {signals_.fd(), POLLIN, 0}}};
        const int ready = ::poll(both.data(), both.size(), deadline.poll_timeout());
        if (ready < 0 && errno != EINTR)
            throw_errno(errno, "poll");
        if (signals_.take())
            throw Interrupted();
        if (ready == 0 && deadline.expired())
            throw std::runtime_error(name_ + " does not answer");
        if (both[0].revents == 0)
            continue;
        std::array<char, 65536> bytes{};
        const ssize_t count = ::read(output_.get(), bytes.data(), bytes.size());
        if (count < 0 && errno != EINTR)
            throw_errno(errno, "read");
        if (count == 0)
            throw std::runtime_error(name_ + " has ended: " + complaint());
        pending_.append(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    }
}

void Child::write_line(const std::string& line) {
    const std::string text = line + '\n';
    // Short enough for one write(2) to a pipe; one that has ended is found out by the next read.
    static_cast<void>(!::write(input_.get(), text.data(), text.size()));
}

double Child::end(int signal) {
    if (pid_ < 0)
        return 0;
    input_.reset();
    if (signal != 0)
        ::kill(pid_, signal);
    constexpr int patience = 15'000;  // milliseconds
    siginfo_t ended{};
    for (int waited = 0;
         ::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT | WNOHANG) == 0 && ended.si_pid == 0;
         ++waited) {
        if (waited == patience)
            ::kill(pid_, SIGKILL);
        ::poll(nullptr, 0, 1);
    }
    const double own = cpu_seconds(pid_);
    rusage used{};
    ::wait4(pid_, nullptr, 0, &used);
    ::kill(-pid_, SIGKILL);  // what it has left behind
    pid_ = -1;
    return std::max(seconds(used.ru_utime) + seconds(used.ru_stime) - own, 0.0);
}

bool Child::has_ended() const {
    siginfo_t ended{};
    return pid_ < 0 ||
           (::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT | WNOHANG) == 0 && ended.si_pid != 0);
}

std::string Child::complaint() const {
    constexpr std::size_t enough = 500;
    std::array<char, 4096> bytes{};
    struct stat file {};
    ::fstat(error_.get(), &file);
    const off_t from = std::max<off_t>(file.st_size - static_cast<off_t>(bytes.size()), 0);
    const ssize_t count = ::pread(error_.get(), bytes.data(), bytes.size(), from);
    std::string text(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    if (text.size() > enough) {
        // The last of it says most; from the beginning of a line, if one begins there.
        const std::size_t begin = text.size() - enough;
        const std::size_t line = text.find('\n', begin - 1);
        text = "..." + text.substr(line == std::string::npos ? begin : line + 1);
    }
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text.empty() ? "without a word" : text;
}

double cpu_seconds(pid_t process) {
    clockid_t clock{};
    timespec used{};
    if (::clock_getcpuclockid(process, &clock) != 0 || ::clock_gettime(clock, &used) != 0)
        return 0;
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

double cpu_seconds_of_tree(pid_t process) {
    double used = 0;
    for (const pid_t each : tree(process))
        used += cpu_seconds(each);
    return used;
}

double pss_bytes(pid_t process) {
    double total = 0;
    for (const pid_t each : tree(process)) {
        std::ifstream rollup("/proc/" + std::to_string(each) + "/smaps_rollup");
        for (std::string line; std::getline(rollup, line);) {
            if (line.starts_with("Pss:"))
                total += std::strtod(line.c_str() + 4, nullptr) * 1024;
        }
    }
    return total;
}

}  // namespace socketserver::bench
