#include <socketserver/fiber/overflow_report.hpp>

#include "fixtures.hpp"
#include "support/forked.hpp"
#include "support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <unistd.h>

// The sanitizers handle these signals themselves.
#if !defined(TEST_UNDER_ASAN) && !defined(TEST_UNDER_TSAN)

namespace socketserver::test {

namespace {

struct Ended {
    int how;
    std::string said;  // on the standard error output
};

/// Runs a function in a child process and listens to it.
template <class F>
Ended listen_to_child(F f) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::runtime_error("pipe2");
    UniqueFd from{ends[0]};
    UniqueFd to{ends[1]};
    const int how = in_child([&] {
        ::dup2(to.get(), STDERR_FILENO);
        return f();
    });
    to.reset();
    Ended ended{how, {}};
    std::array<char, 4096> buffer{};
    for (ssize_t count = 0; (count = ::read(from.get(), buffer.data(), buffer.size())) > 0;)
        ended.said.append(buffer.data(), static_cast<std::size_t>(count));
    return ended;
}

[[gnu::noinline]] void one_large_array() {
    volatile char block[400'000];
    block[0] = 1;
    block[sizeof block - 1] = 1;
}

struct sigaction default_action() {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    return action;
}

void former_handler(int, siginfo_t* info, void*) {
    ::_exit(info->si_addr != nullptr ? 42 : 43);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(overflow_report, CaseGuard)

BOOST_AUTO_TEST_CASE(a_stack_overflow_dies_by_the_signal_and_names_the_fiber) {
    for (const GuardKind guard : {GuardKind::automatic, GuardKind::protect}) {
        const Ended ended = listen_to_child([guard] {
            const auto action = default_action();
            ::sigaction(SIGSEGV, &action, nullptr);
            FiberLoop loop(FiberLoopOptions{.guard = guard});
            loop.spawn([] { sleep_for(1h); }, nullptr, "127.0.0.1:1");
            loop.spawn([] { static_cast<void>(use_stack(10'000'000)); }, nullptr, "127.0.0.1:2");
            run(loop);
            return 0;
        });
        BOOST_TEST(ended.how == -SIGSEGV);
        BOOST_TEST(ended.said == "socketserver: the fiber 127.0.0.1:2 has overflowed its stack of 262144 bytes\n");
    }
}

BOOST_AUTO_TEST_CASE(nothing_is_written_to_a_file_that_has_taken_the_place_of_standard_error) {
    const TemporaryDirectory folder;
    const std::string path = folder / "data";
    const int how = in_child([&path] {
        const auto action = default_action();
        ::sigaction(SIGSEGV, &action, nullptr);
        ::close(STDERR_FILENO);
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        run_fibers(SelectorKind::epoll, [] { static_cast<void>(use_stack(10'000'000)); });
        return 0;
    });
    BOOST_TEST(how == -SIGSEGV);
    BOOST_TEST(std::filesystem::file_size(path) == 0U);
}

BOOST_AUTO_TEST_CASE(one_large_local_array_does_not_jump_over_the_guard) {
    const Ended ended = listen_to_child([] {
        const auto action = default_action();
        ::sigaction(SIGSEGV, &action, nullptr);
        run_fibers(
            SelectorKind::epoll, [] { sleep_for(1h); }, [] { one_large_array(); });
        return 0;
    });
    BOOST_TEST(ended.how == -SIGSEGV);
    BOOST_TEST(ended.said == "socketserver: a fiber has overflowed its stack of 262144 bytes\n");
}

BOOST_AUTO_TEST_CASE(a_fault_that_is_no_overflow_is_left_to_the_former_handler_without_a_word) {
    const Ended ended = listen_to_child([] {
        struct sigaction action {};
        action.sa_sigaction = &former_handler;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        ::sigaction(SIGSEGV, &action, nullptr);
        run_fibers(SelectorKind::epoll, [] {
            // NOLINTNEXTLINE(performance-no-int-to-ptr): an address at which there is nothing is what it takes
            volatile int* const nowhere = reinterpret_cast<int*>(std::uintptr_t{64});
            *nowhere = 1;
        });
        return 0;
    });
    BOOST_TEST(ended.how == 42);
    BOOST_TEST(ended.said.empty());
}

BOOST_AUTO_TEST_CASE(an_overflow_is_told_before_a_former_handler_has_its_turn) {
    const Ended ended = listen_to_child([] {
        struct sigaction action {};
        action.sa_sigaction = &former_handler;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        ::sigaction(SIGSEGV, &action, nullptr);
        run_fibers(SelectorKind::epoll, [] { static_cast<void>(use_stack(10'000'000)); });
        return 0;
    });
    BOOST_TEST(ended.how == 42);
    BOOST_TEST(!ended.said.empty());
}

BOOST_AUTO_TEST_CASE(a_signal_that_somebody_sends_still_ends_the_process) {
    for (const int signal : {SIGSEGV, SIGBUS}) {
        const Ended ended = listen_to_child([signal] {
            const auto action = default_action();
            ::sigaction(signal, &action, nullptr);
            run_fibers(SelectorKind::epoll, [signal] {
                ::kill(::getpid(), signal);
                sleep_for(1h);
            });
            return 0;
        });
        BOOST_TEST(ended.how == -signal);
        BOOST_TEST(ended.said.empty());
    }
}

BOOST_AUTO_TEST_CASE(the_former_actions_and_the_signal_stack_are_back_when_the_last_loop_ends) {
    struct sigaction before {};
    stack_t stack_before{};
    ::sigaction(SIGSEGV, nullptr, &before);
    ::sigaltstack(nullptr, &stack_before);
    {
        FiberLoop loop;
        struct sigaction during {};
        ::sigaction(SIGSEGV, nullptr, &during);
        BOOST_TEST((during.sa_sigaction != before.sa_sigaction));
        BOOST_TEST((during.sa_flags & SA_ONSTACK) != 0);
        {
            const FiberLoop second;
            BOOST_TEST(OverflowReport::of_this_thread() != nullptr);
        }
        ::sigaction(SIGSEGV, nullptr, &during);
        BOOST_TEST((during.sa_sigaction != before.sa_sigaction));
    }
    struct sigaction after {};
    stack_t stack_after{};
    ::sigaction(SIGSEGV, nullptr, &after);
    ::sigaltstack(nullptr, &stack_after);
    BOOST_TEST((after.sa_sigaction == before.sa_sigaction));
    BOOST_TEST(stack_after.ss_sp == stack_before.ss_sp);
    BOOST_TEST(stack_after.ss_flags == stack_before.ss_flags);
    BOOST_TEST(OverflowReport::of_this_thread() == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test

#endif
