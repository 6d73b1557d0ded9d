#include <socketserver/fiber/overflow_report.hpp>

#include <socketserver/fiber/detail/sanitizers.hpp>
#include <socketserver/os/standard_streams.hpp>

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <string_view>
#include <utility>

namespace socketserver {

namespace {

thread_local const OverflowReport* newest = nullptr;

#if !defined(SOCKETSERVER_ASAN) && !defined(SOCKETSERVER_TSAN)

// What is the process's: how many reports there are, and what the signals did before. Constant initialisation: nothing
// runs before main.
constexpr std::array<int, 2> handled_signals{SIGSEGV, SIGBUS};
constinit std::mutex installing;
int reports = 0;                                      // guarded by installing
std::array<struct sigaction, 2> former_actions = {};  // changed under installing, while the handler is not installed

struct sigaction& former_action(int signal) noexcept {
    return former_actions[signal == handled_signals[0] ? 0 : 1];
}

void handle(int signal, siginfo_t* info, void*) {
    const int saved = errno;
    if (const OverflowReport* const report = OverflowReport::of_this_thread(); report != nullptr && info->si_code > 0)
        report->write_if_overflow(info->si_addr, standard_error());
    ::sigaction(signal, &former_action(signal), nullptr);
    // A fault happens again on return, with all that a debugger or the former handler wants to see. A signal that somebody has sent
    // does not; it is delivered on return, too, since it is blocked meanwhile.
    if (info->si_code <= 0)
        ::raise(signal);
    errno = saved;
}

void install() noexcept {
    const std::lock_guard lock(installing);
    if (reports++ > 0)
        return;
    for (const int signal : handled_signals) {
        struct sigaction action {};
        action.sa_sigaction = &handle;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        ::sigemptyset(&action.sa_mask);
        ::sigaction(signal, nullptr, &former_action(signal));
        ::sigaction(signal, &action, nullptr);
    }
}

void uninstall() noexcept {
    const std::lock_guard lock(installing);
    if (--reports > 0)
        return;
    for (const int signal : handled_signals) {
        struct sigaction now {};
        ::sigaction(signal, nullptr, &now);
        // Somebody who has installed a handler over it since keeps that.
        if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == &handle)
            ::sigaction(signal, &former_action(signal), nullptr);
    }
}

#endif

/// A line put together without memory from the heap; what does not fit is left out.
class Line {
public:
    void add(std::string_view text) noexcept {
        const std::size_t count = std::min(text.size(), text_.size() - size_);
        std::copy_n(text.begin(), count, text_.begin() + size_);
        size_ += count;
    }
    void add(std::size_t number) noexcept {
        std::array<char, 20> digits{};
        auto begin = digits.size();
        do {
            digits[--begin] = static_cast<char>('0' + number % 10);
            number /= 10;
        } while (number > 0);
        add(std::string_view(digits.data() + begin, digits.size() - begin));
    }
    void write(int to) const noexcept { [[maybe_unused]] const auto written = ::write(to, text_.data(), size_); }

private:
    std::array<char, 256> text_{};
    std::size_t size_ = 0;
};

}  // namespace

#if defined(SOCKETSERVER_ASAN) || defined(SOCKETSERVER_TSAN)

// The sanitizers handle these signals, on alternate stacks of their own.
OverflowReport::OverflowReport(const StackPool& stacks, const Scheduler& scheduler) noexcept
    : stacks_(stacks), scheduler_(scheduler), former_(std::exchange(newest, this)) {}

OverflowReport::~OverflowReport() {
    newest = former_;
}

#else

OverflowReport::OverflowReport(const StackPool& stacks, const Scheduler& scheduler) noexcept
    : stacks_(stacks), scheduler_(scheduler), former_(std::exchange(newest, this)) {
    make_signal_stack();
    install();
}

OverflowReport::~OverflowReport() {
    uninstall();
    newest = former_;
    if (signal_stack_ == nullptr)
        return;
    stack_t now{};
    if (::sigaltstack(nullptr, &now) == 0 && now.ss_sp == signal_stack_) {
        stack_t none{};
        none.ss_flags = SS_DISABLE;
        ::sigaltstack(&none, nullptr);
    }
    ::munmap(signal_stack_, signal_stack_size_);
}

#endif

void OverflowReport::make_signal_stack() noexcept {
    stack_t present{};
    if (::sigaltstack(nullptr, &present) != 0 || (present.ss_flags & SS_DISABLE) == 0)
        return;
    // For a former handler and that of ThreadTrace, too: what a signal saves of a large processor takes 12 KiB of it, an unwinder 4.
    constexpr std::size_t size = std::size_t{64} << 10U;
    void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return;
    stack_t own{};
    own.ss_sp = memory;
    own.ss_size = size;
    if (::sigaltstack(&own, nullptr) != 0) {
        ::munmap(memory, size);
        return;
    }
    signal_stack_ = memory;
    signal_stack_size_ = size;
}

bool OverflowReport::write_if_overflow(const void* address, int to) const noexcept {
    const Fiber* const fiber = scheduler_.current();
    if (fiber == nullptr || stacks_.guarded_stack(address) != fiber->stack().bottom)
        return false;
    Line line;
    line.add("socketserver: ");
    if (fiber->name().empty()) {
        line.add("a fiber");
    } else {
        line.add("the fiber ");
        // Of a name that is too long the beginning; the rest of the line always fits.
        line.add(fiber->name());
    }
    line.add(" has overflowed its stack of ");
    line.add(fiber->stack().size);
    line.add(" bytes\n");
    line.write(to);
    return true;
}

const OverflowReport* OverflowReport::of_this_thread() noexcept {
    return newest;
}

}  // namespace socketserver
