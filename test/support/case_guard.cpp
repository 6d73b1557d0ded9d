#include "case_guard.hpp"

#include "eventually.hpp"
#include "fault_note.hpp"
#include "time_factor.hpp"

#include <boost/test/results_collector.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>
#include <thread>

#include <dirent.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace socketserver::test {

namespace {

// ---- What a process holds ---------------------------------------------------------------------------------

/// Calls f(number) for each entry of a folder of /proc that is a number; the descriptor by which the folder
/// itself is read is left out.
template <class F>
void for_each_number(const std::string& folder, F f) {
    DIR* const dir = ::opendir(folder.c_str());
    if (dir == nullptr)
        return;
    const std::string own = std::to_string(::dirfd(dir));
    const bool skip_own = folder == "/proc/self/fd";
    while (const dirent* const entry = ::readdir(dir)) {
        const std::string name = entry->d_name;
        if (name.find_first_not_of("0123456789") == std::string::npos && !(skip_own && name == own))
            f(std::atoi(name.c_str()));
    }
    ::closedir(dir);
}

std::string first_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::map<int, std::string> open_descriptors() {
    std::map<int, std::string> found;
    for_each_number("/proc/self/fd", [&found](int fd) {
        std::array<char, 512> target{};
        const auto length = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target.data(), target.size());
        found[fd] = length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : "?";
    });
    return found;
}

/// "sleep, zombie": the name and the state of a process, from /proc/PID/stat, `PID (NAME) STATE ...`.
std::string describe_child(int pid) {
    const std::string stat = first_line("/proc/" + std::to_string(pid) + "/stat");
    const auto open = stat.find('(');
    const auto close = stat.rfind(')');
    if (open == std::string::npos || close == std::string::npos || close + 2 >= stat.size())
        return "?";
    return stat.substr(open + 1, close - open - 1) + (stat[close + 2] == 'Z' ? ", zombie" : ", running");
}

// ---- The watchdog -----------------------------------------------------------------------------------------
//
// Two POSIX timers: they need neither a thread nor a descriptor and are not inherited over fork(2). What runs
// in the signal handlers is async-signal-safe, backtrace(3) having been called once before, until all is said
// and only the children remain to be killed; if that hangs, the second timer ends it.

std::array<char, 256> case_name;
std::atomic<int> stacks_printed{0};

int speak_signal() {
    return SIGRTMAX - 3;
}
int stack_signal() {
    return SIGRTMAX - 4;
}

void print(std::string_view text) {
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

void print(long number) {
    std::array<char, 24> digits{};
    std::size_t begin = digits.size();
    do {
        digits[--begin] = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number != 0);
    print(std::string_view{digits.data() + begin, digits.size() - begin});
}

pid_t thread_id() {
    return static_cast<pid_t>(::syscall(SYS_gettid));
}

void print_stack() {
    print("thread ");
    print(thread_id());
    print(":\n");
    std::array<void*, 64> frames{};
    ::backtrace_symbols_fd(frames.data(), ::backtrace(frames.data(), static_cast<int>(frames.size())), STDERR_FILENO);
}

void on_stack_signal(int) {
    const int saved = errno;
    print_stack();
    stacks_printed.fetch_add(1);
    errno = saved;
}

/// Asks each other thread for its stack, one after the other.
void print_other_stacks() {
    const int folder = ::open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return;
    struct Entry {  // linux_dirent64
        std::uint64_t inode;
        std::int64_t offset;
        unsigned short length;
        unsigned char type;
        char name[1];
    };
    alignas(Entry) std::array<char, 4096> buffer;
    for (;;) {
        const long got = ::syscall(SYS_getdents64, folder, buffer.data(), buffer.size());
        if (got <= 0)
            break;
        for (long at = 0; at < got;) {
            Entry entry{};
            const char* const begin = buffer.data() + at;
            std::memcpy(&entry, begin, offsetof(Entry, name));
            const char* digit = begin + offsetof(Entry, name);
            at += entry.length;
            pid_t thread = 0;
            for (; *digit >= '0' && *digit <= '9'; ++digit)
                thread = thread * 10 + (*digit - '0');
            if (thread == 0 || thread == thread_id())
                continue;
            const int before = stacks_printed.load();
            ::syscall(SYS_tgkill, ::getpid(), thread, stack_signal());
            for (int i = 0; i < 50 && stacks_printed.load() == before; ++i)
                ::poll(nullptr, 0, 10);
            if (stacks_printed.load() == before) {
                print("thread ");
                print(thread);
                print(": blocks signals, no stack\n");
            }
        }
    }
    ::close(folder);
}

/// Children that hang with their parent would outlive it.
void kill_children() {
    siginfo_t unused;
    std::memset(&unused, 0, sizeof unused);
    if (::waitid(P_ALL, 0, &unused, WEXITED | WNOHANG | WNOWAIT) != 0)
        return;
    for (const auto& [pid, name] : CaseGuard::Holdings::now().children) {
        print("killing its child ");
        print(pid);
        print("\n");
        ::kill(pid, SIGKILL);
    }
}

void on_speak_signal(int) {
    print("\nHANGS: test case ");
    print(std::string_view{case_name.data()});
    print("\n");
    print_stack();
    print_other_stacks();
    kill_children();
    // Boost.Test's own handler would go on with the next case.
    ::signal(SIGABRT, SIG_DFL);
    std::abort();
}

void handle(int signal, void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(signal, &action, nullptr);
}

timer_t make_timer(int signal) {
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = signal;
    timer_t timer{};
    if (::timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
        throw std::system_error(errno, std::system_category(), "timer_create");
    return timer;
}

void start_timer(timer_t timer, int seconds) {
    itimerspec when{};
    when.it_value.tv_sec = seconds;
    ::timer_settime(timer, 0, &when, nullptr);
}

/// ThreadSanitizer starts a thread of its own, for good, when the first thread of a program is made: not in the
/// middle of a case.
void start_threads_of_the_sanitizer() {
    if constexpr (time_factor > 1) {
        [[maybe_unused]] static const bool started = [] {
            std::thread([] {}).join();
            return true;
        }();
    }
}

int time_limit() {
    const char* const wanted = std::getenv("SOCKETSERVER_TEST_TIMEOUT");
    return (wanted != nullptr ? std::atoi(wanted) : 30) * time_factor;
}

}  // namespace

CaseGuard::Holdings CaseGuard::Holdings::now() {
    Holdings found;
    for_each_number("/proc/self/task", [&found](int thread) {
        const std::string folder = "/proc/self/task/" + std::to_string(thread);
        found.threads[thread] = first_line(folder + "/comm");
        std::istringstream pids(first_line(folder + "/children"));
        for (int pid = 0; pids >> pid;)
            found.children[pid] = describe_child(pid);
    });
    found.descriptors = open_descriptors();
    return found;
}

std::string CaseGuard::describe_leaks(const Holdings& before, const Holdings& after) {
    std::ostringstream out;
    for (const auto& [fd, target] : after.descriptors) {
        const auto former = before.descriptors.find(fd);
        if (former == before.descriptors.end())
            out << "; leaks descriptor " << fd << " (" << target << ')';
        else if (former->second != target)
            out << "; replaced descriptor " << fd << " (" << former->second << ", now " << target << ')';
    }
    for (const auto& [fd, target] : before.descriptors) {
        if (!after.descriptors.contains(fd))
            out << "; closed descriptor " << fd << " (" << target << ") which was not its own";
    }
    for (const auto& [thread, name] : after.threads) {
        if (!before.threads.contains(thread))
            out << "; leaks thread " << thread << " (" << name << ')';
    }
    for (const auto& [pid, name] : after.children) {
        if (!before.children.contains(pid))
            out << "; leaks child " << pid << " (" << name << ')';
    }
    const std::string text = out.str();
    return text.empty() ? text : text.substr(2);
}

CaseGuard::CaseGuard() : process_(::getpid()) {
    const std::string name = boost::unit_test::framework::current_test_case().full_name();
    case_name.fill('\0');
    name.copy(case_name.data(), case_name.size() - 1);
    if (const int limit = time_limit(); limit > 0) {
        std::array<void*, 1> frame{};
        ::backtrace(frame.data(), 1);  // loads what it needs, which a signal handler could not
        handle(stack_signal(), on_stack_signal);
        handle(speak_signal(), on_speak_signal);
        speak_ = make_timer(speak_signal());
        kill_ = make_timer(SIGKILL);
        armed_ = true;
        start_timer(speak_, limit);
        start_timer(kill_, limit + 5 * time_factor);
    }
    start_threads_of_the_sanitizer();
    before_ = Holdings::now();
}

CaseGuard::~CaseGuard() {
    if (::getpid() != process_) {
        std::fprintf(stderr, "a forked child ran out of its test case %s\n", case_name.data());
        ::_exit(70);
    }
    std::string leaks;
    // A joined thread may stay in /proc for a moment longer.
    const bool clean = eventually(
        [&] {
            leaks = describe_leaks(before_, Holdings::now());
            return leaks.empty();
        },
        std::chrono::seconds{3});
    BOOST_CHECK_MESSAGE(clean, "the test case " << leaks);
    if (armed_) {
        ::timer_delete(speak_);
        ::timer_delete(kill_);
    }
    namespace unit_test = boost::unit_test;
    const auto& results = unit_test::results_collector.results(unit_test::framework::current_test_case_id());
    tell_noted_faults(results.passed() && std::uncaught_exceptions() == 0);
}

}  // namespace socketserver::test
