#include <socketserver/os/thread_trace.hpp>

#include <socketserver/os/deadline.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include <cxxabi.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#if __has_include(<execinfo.h>)
#include <execinfo.h>
#define SOCKETSERVER_HAS_BACKTRACE 1
#endif

namespace socketserver {

namespace {

// ---- What proc(5) tells of a thread ------------------------------------------------------------------------

/// The beginning of one of its files; "" if that cannot be read.
std::string read_of(pid_t thread, const char* file) {
    const UniqueFd opened = own_descriptor(
        ::open(("/proc/self/task/" + std::to_string(thread) + '/' + file).c_str(), O_RDONLY | O_CLOEXEC));
    std::string text(opened ? 8192 : 0, '\0');
    const ssize_t size = opened ? ::read(opened.get(), text.data(), text.size()) : 0;
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
}

/// What stands after "NAME:\t" in the file `status`.
std::string_view field(std::string_view status, std::string_view name) {
    const std::size_t found = status.find("\n" + std::string(name) + ":\t");
    if (found == std::string_view::npos)
        return {};
    const std::size_t begin = found + name.size() + 3;
    return status.substr(begin, status.find('\n', begin) - begin);
}

enum class State { computes, waits, unknown };

State state_of(std::string_view status) {
    const std::string_view letter = field(status, "State").substr(0, 1);
    return letter == "R" ? State::computes : letter == "S" || letter == "D" ? State::waits : State::unknown;
}

bool blocks(std::string_view status, int signal) {
    const std::string_view mask = field(status, "SigBlk");
    std::uint64_t blocked = 0;
    std::from_chars(mask.data(), mask.data() + mask.size(), blocked, 16);
    return (blocked >> static_cast<unsigned>(signal - 1) & 1U) != 0;
}

struct Call {
    long number;
    std::string_view name;
};

// Those in which threads are often found.
constexpr Call known_calls[] = {
#ifdef SYS_accept
    {SYS_accept, "accept"},
#endif
    {SYS_accept4, "accept4"},
    {SYS_clock_nanosleep, "clock_nanosleep"},
    {SYS_close, "close"},
    {SYS_connect, "connect"},
    {SYS_copy_file_range, "copy_file_range"},
    {SYS_epoll_pwait, "epoll_wait"},
#ifdef SYS_epoll_wait
    {SYS_epoll_wait, "epoll_wait"},
#endif
    {SYS_execve, "execve"},
    {SYS_fcntl, "fcntl"},
    {SYS_fdatasync, "fdatasync"},
    {SYS_flock, "flock"},
    {SYS_fsync, "fsync"},
    {SYS_futex, "futex"},
    {SYS_getdents64, "getdents64"},
    {SYS_ioctl, "ioctl"},
    {SYS_msync, "msync"},
    {SYS_nanosleep, "nanosleep"},
#ifdef SYS_open
    {SYS_open, "open"},
#endif
    {SYS_openat, "openat"},
    {SYS_openat2, "openat2"},
#ifdef SYS_pause
    {SYS_pause, "pause"},
#endif
#ifdef SYS_poll
    {SYS_poll, "poll"},
#endif
    {SYS_ppoll, "ppoll"},
    {SYS_pread64, "pread"},
    {SYS_pselect6, "pselect"},
    {SYS_pwrite64, "pwrite"},
    {SYS_read, "read"},
    {SYS_readv, "readv"},
    {SYS_recvfrom, "recvfrom"},
    {SYS_recvmmsg, "recvmmsg"},
    {SYS_recvmsg, "recvmsg"},
    {SYS_rt_sigsuspend, "sigsuspend"},
    {SYS_rt_sigtimedwait, "sigtimedwait"},
#ifdef SYS_select
    {SYS_select, "select"},
#endif
    {SYS_semtimedop, "semtimedop"},
    {SYS_sendfile, "sendfile"},
    {SYS_sendmsg, "sendmsg"},
    {SYS_sendto, "sendto"},
    {SYS_splice, "splice"},
    {SYS_sync, "sync"},
#ifdef SYS_unlink
    {SYS_unlink, "unlink"},
#endif
    {SYS_unlinkat, "unlinkat"},
#ifdef SYS_vfork
    {SYS_vfork, "vfork"},
#endif
    {SYS_wait4, "wait4"},
    {SYS_waitid, "waitid"},
    {SYS_write, "write"},
    {SYS_writev, "writev"},
};

/// \param text of the file `syscall`: the number of the call and its arguments, or -1 outside all calls, or "running"
std::string name_of_call(std::string_view text) {
    long number = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{})
        return {};
    if (number < 0)
        return "a page fault";
    const auto* const call = std::find_if(std::begin(known_calls), std::end(known_calls),
                                          [&](const Call& each) { return each.number == number; });
    return call == std::end(known_calls) ? "system call " + std::to_string(number) : std::string(call->name) + "(2)";
}

#ifdef SOCKETSERVER_HAS_BACKTRACE

// ---- What a thread tells itself ----------------------------------------------------------------------------
//
// One question at a time in the process. Whoever asks, and the handler in the thread that is asked, hand it to each other by one
// number, the thread's and a step, which only whoever may make the next step changes:
//
//     idle ──ask()──▶ asked ──handler──▶ writing ──handler──▶ done ──ask()──▶ idle
//                       └──ask() waits no longer──▶ idle       │
//                                        writing ──ask() waits no longer──▶ given up ──handler──▶ idle
//
// So a signal that comes too late finds no question for its thread. Constant initialisation: nothing runs before main.

constexpr int asking_signal = SIGURG;
constexpr std::chrono::seconds longest_wait{1};

enum class Step : std::uint64_t { idle, asked, writing, done, given_up };

constexpr std::uint64_t at(Step step, pid_t thread) {
    return step == Step::idle ? 0 : static_cast<std::uint64_t>(thread) << 3U | static_cast<std::uint64_t>(step);
}

constexpr std::uint64_t idle = at(Step::idle, 0);
constinit std::atomic<std::uint64_t> question{idle};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "a signal handler takes no locks");
// Written by the handler; read by ask() when it is done.
constexpr std::size_t frames_of_handler = 8;  // at most; with a sanitizer's
std::array<void*, frames_of_handler + ThreadTrace::most_frames> frames;
int frame_count = 0;
std::uintptr_t interrupted_at = 0;

std::uintptr_t program_counter([[maybe_unused]] const ucontext_t& context) noexcept {
#if defined(__x86_64__)
    return static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
    return context.uc_mcontext.pc;
#else
    return 0;
#endif
}

void answer(int, siginfo_t*, void* context) {
    const int saved = errno;
    const auto self = static_cast<pid_t>(::syscall(SYS_gettid));
    std::uint64_t expected = at(Step::asked, self);
    if (question.compare_exchange_strong(expected, at(Step::writing, self))) {
        frame_count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
        interrupted_at = program_counter(*static_cast<const ucontext_t*>(context));
        expected = at(Step::writing, self);
        if (!question.compare_exchange_strong(expected, at(Step::done, self)))
            question = idle;
    }
    errno = saved;
}

bool handler_is_installed() noexcept {
    struct sigaction now {};
    ::sigaction(asking_signal, nullptr, &now);
    return (now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == &answer;
}

/// Tries once a millisecond, for some time.
template <class Try>
bool comes_to(Try attempt) {
    const Deadline deadline = Deadline::after(longest_wait);
    while (!attempt()) {
        if (deadline.expired())
            return attempt();
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return true;
}

/// Whether this makes the next step.
bool steps(std::uint64_t from, std::uint64_t to) noexcept {
    return question.compare_exchange_strong(from, to);
}

/// Asks a thread for its stack.
/// \return addresses within the calls that it is in, innermost first; none if it does not answer
std::vector<void*> ask(pid_t thread) {
    std::vector<void*> found;
    found.reserve(ThreadTrace::most_frames);
    const std::uint64_t asked = at(Step::asked, thread);
    const std::uint64_t writing = at(Step::writing, thread);
    const std::uint64_t done = at(Step::done, thread);
    if (!comes_to([&] { return steps(idle, asked); }))
        return found;
    const bool sent = ::syscall(SYS_tgkill, ::getpid(), thread, asking_signal) == 0;
    if (!sent || !comes_to([&] { return question == done; })) {
        if (steps(asked, idle))
            return found;
        // It is just being written down.
        if (!comes_to([&] { return question == done; }) && steps(writing, at(Step::given_up, thread)))
            return found;
    }
    // Where the signal came is no return address, and what lies within it is the handler's.
    void* const* const end = frames.data() + frame_count;
    void* const* const interrupted = std::find_if(frames.cbegin(), end, [](const void* frame) {
        return reinterpret_cast<std::uintptr_t>(frame) == interrupted_at;
    });
    for (void* const* frame = interrupted == end ? frames.cbegin() : interrupted;
         frame != end && found.size() < ThreadTrace::most_frames; ++frame)
        found.push_back(frame == interrupted ? *frame : static_cast<char*>(*frame) - 1);
    question = idle;
    return found;
}

/// Writes the name of C++ in `PROGRAM(NAME+0xOFFSET) [ADDRESS]` as it is written in source, of a long one the beginning.
std::string readable(std::string_view frame) {
    constexpr std::size_t longest = 120;
    const std::size_t begin = frame.find('(') + 1;
    const std::size_t end = frame.find_first_of("+)", begin);
    if (begin == 0 || end == std::string_view::npos)
        return std::string(frame);
    std::string name(frame.substr(begin, end - begin));
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> source(
        abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), &std::free);
    if (source != nullptr)
        name = source.get();
    if (name.size() > longest)
        name = name.substr(0, longest) + "...";
    return std::string(frame.substr(0, begin)) + name + std::string(frame.substr(end));
}

std::vector<std::string> describe(const std::vector<void*>& addresses) {
    const std::unique_ptr<char*, decltype(&std::free)> lines(
        ::backtrace_symbols(addresses.data(), static_cast<int>(addresses.size())), &std::free);
    std::vector<std::string> described;
    for (std::size_t i = 0; lines != nullptr && i < addresses.size(); ++i)
        described.push_back(readable(lines.get()[i]));
    return described;
}

// How many there are, and what the signal did before.
constinit std::mutex installing;
int users = 0;                        // guarded by installing
struct sigaction former_action = {};  // guarded by installing

void install() noexcept {
    const std::lock_guard lock(installing);
    ++users;
    struct sigaction now {};
    ::sigaction(asking_signal, nullptr, &now);
    if ((now.sa_flags & SA_SIGINFO) != 0 || now.sa_handler != SIG_DFL)
        return;  // ours, or somebody's own
    // Its first call loads what the handler could not.
    std::array<void*, 1> here{};
    ::backtrace(here.data(), 1);
    struct sigaction action {};
    action.sa_sigaction = &answer;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    if (::sigaction(asking_signal, &action, nullptr) == 0)
        former_action = now;
}

void uninstall() noexcept {
    const std::lock_guard lock(installing);
    if (--users == 0 && handler_is_installed())
        ::sigaction(asking_signal, &former_action, nullptr);
}

#endif

}  // namespace

#ifdef SOCKETSERVER_HAS_BACKTRACE

ThreadTrace::ThreadTrace() noexcept {
    install();
}

ThreadTrace::~ThreadTrace() {
    uninstall();
}

ThreadTrace::Askable::Askable() noexcept : former_() {
    sigset_t set;
    sigemptyset(&set);
    if (handler_is_installed())
        sigaddset(&set, asking_signal);
    pthread_sigmask(SIG_UNBLOCK, &set, &former_);
}

ThreadTrace::Askable::~Askable() {
    // Only this signal: what else has been blocked meanwhile is somebody's wish.
    sigset_t set;
    sigemptyset(&set);
    if (sigismember(&former_, asking_signal) == 1)
        sigaddset(&set, asking_signal);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

#else

ThreadTrace::ThreadTrace() noexcept = default;
ThreadTrace::~ThreadTrace() = default;
ThreadTrace::Askable::Askable() noexcept : former_() {}
ThreadTrace::Askable::~Askable() = default;

#endif

bool ThreadTrace::waits(pid_t thread) {
    return state_of(read_of(thread, "status")) == State::waits;
}

ThreadActivity ThreadTrace::of(pid_t thread) const {
    const std::string status = read_of(thread, "status");
    ThreadActivity found;
    switch (state_of(status)) {
        case State::waits: found.waits_in = name_of_call(read_of(thread, "syscall")); break;
        case State::computes:
#ifdef SOCKETSERVER_HAS_BACKTRACE
            if (handler_is_installed() && !blocks(status, asking_signal))
                found.frames = describe(ask(thread));
#endif
            break;
        case State::unknown: break;
    }
    return found;
}

}  // namespace socketserver
