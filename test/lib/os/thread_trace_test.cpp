#include <socketserver/os/thread_trace.hpp>

#include "support/case_guard.hpp"
#include "support/eventually.hpp"

#include <socketserver/os/signals.hpp>
#include <socketserver/os/wakeup.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cerrno>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace socketserver::test {

namespace {

/// A thread that does something, and its number.
class Subject {
public:
    explicit Subject(std::function<void()> work)
        : thread_([this, own = std::move(work)] {
              id_ = static_cast<pid_t>(::syscall(SYS_gettid));
              own();
          }) {
        while (id_ == 0)
            std::this_thread::yield();
    }
    ~Subject() { thread_.join(); }
    Subject(const Subject&) = delete;
    Subject& operator=(const Subject&) = delete;

    [[nodiscard]] pid_t id() const { return id_; }

private:
    std::atomic<pid_t> id_{0};
    std::thread thread_;
};

/// Computes until it is told to end. ThreadSanitizer delivers signals at calls that it knows, such as a mutex'.
class Computing {
public:
    ~Computing() { ending_ = true; }

    [[nodiscard]] pid_t id() const { return subject_.id(); }

private:
    std::atomic<bool> ending_{false};
    std::mutex mutex_;
    Subject subject_{[this] {
        while (!ending_)
            const std::lock_guard lock(mutex_);
    }};
};

struct sigaction action_of(int signal) {
    struct sigaction action {};
    ::sigaction(signal, nullptr, &action);
    return action;
}

std::atomic<int> signals_of_the_user{0};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(thread_trace, CaseGuard)

BOOST_AUTO_TEST_CASE(names_the_system_call_that_a_thread_waits_in_and_does_not_end_it) {
    const ThreadTrace trace;
    const Wakeup gate;
    int returned = 0;
    {
        const Subject waiting([&] {
            pollfd entry{gate.fd(), POLLIN, 0};
            returned = ::poll(&entry, 1, -1);
        });
        BOOST_TEST(eventually([&] { return trace.of(waiting.id()).waits_in.ends_with("poll(2)"); }));
        BOOST_TEST(ThreadTrace::waits(waiting.id()));
        BOOST_TEST(trace.of(waiting.id()).frames.empty());
        gate.notify();
    }
    BOOST_TEST(returned == 1);
}

BOOST_AUTO_TEST_CASE(tells_a_lock_that_is_waited_for) {
    const ThreadTrace trace;
    std::mutex mutex;
    std::unique_lock held(mutex);
    const Subject waiting([&] { const std::lock_guard lock(mutex); });
    BOOST_TEST(eventually([&] { return trace.of(waiting.id()).waits_in == "futex(2)"; }));
    held.unlock();
}

BOOST_AUTO_TEST_CASE(tells_the_stack_of_a_thread_that_computes) {
    const ThreadTrace trace;
    const Computing computing;
    ThreadActivity found;
    BOOST_TEST(eventually([&] {
        found = trace.of(computing.id());
        return !found.frames.empty();
    }));
    std::string all;
    for (const std::string& frame : found.frames)
        all += frame + '\n';
    BOOST_TEST(all.find(program_invocation_short_name) != std::string::npos, all);
    // What lies above the place where the signal came is the handler's.
    BOOST_TEST(all.find("thread_trace.cpp") == std::string::npos, all);
    BOOST_TEST(found.frames.size() <= ThreadTrace::most_frames);
    BOOST_TEST(found.waits_in == "");
}

BOOST_AUTO_TEST_CASE(tells_nothing_of_a_thread_that_is_gone) {
    const ThreadTrace trace;
    pid_t gone = 0;
    {
        const Subject subject([] {});
        gone = subject.id();
    }
    BOOST_TEST(eventually([&] {
        const ThreadActivity found = trace.of(gone);
        return found.frames.empty() && found.waits_in.empty() && !ThreadTrace::waits(gone);
    }));
}

BOOST_AUTO_TEST_CASE(the_signal_has_its_default_action_again_with_the_last) {
    {
        const ThreadTrace first;
        const ThreadTrace second;
        BOOST_TEST((action_of(SIGURG).sa_handler != SIG_DFL));
    }
    BOOST_TEST((action_of(SIGURG).sa_handler == SIG_DFL));
}

BOOST_AUTO_TEST_CASE(a_handler_of_the_programs_own_stays_and_is_not_called) {
    struct sigaction own {};
    own.sa_handler = [](int) { ++signals_of_the_user; };
    const struct sigaction former = action_of(SIGURG);
    ::sigaction(SIGURG, &own, nullptr);
    {
        const ThreadTrace trace;
        const Computing computing;
        for (int i = 0; i < 100; ++i)
            BOOST_TEST(trace.of(computing.id()).frames.empty());
    }
    BOOST_TEST((action_of(SIGURG).sa_handler == own.sa_handler));
    BOOST_TEST(signals_of_the_user == 0);
    ::sigaction(SIGURG, &former, nullptr);
}

BOOST_AUTO_TEST_CASE(one_that_blocks_the_signal_is_asked_only_if_it_says_so) {
    const ThreadTrace trace;
    std::atomic<bool> ending{false};
    std::atomic<bool> to_be_askable{false};
    std::mutex mutex;
    const auto blocked = ScopedSignalBlock::asynchronous();
    const Subject subject([&] {
        while (!to_be_askable)
            const std::lock_guard lock(mutex);
        const ThreadTrace::Askable askable;
        while (!ending)
            const std::lock_guard lock(mutex);
    });
    for (int i = 0; i < 100; ++i)
        BOOST_TEST(trace.of(subject.id()).frames.empty());
    to_be_askable = true;
    BOOST_TEST(eventually([&] { return !trace.of(subject.id()).frames.empty(); }));
    ending = true;
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
