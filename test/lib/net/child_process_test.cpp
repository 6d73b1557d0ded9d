#include "fixtures.hpp"
#include "support/case_guard.hpp"
#include "support/eventually.hpp"
#include "support/forked.hpp"
#include "support/rlimit.hpp"
#include "support/temporary_directory.hpp"
#include "support/time_factor.hpp"

#include <socketserver/fiber/fiber_loop.hpp>
#include <socketserver/net/child_process.hpp>
#include <socketserver/net/poll_waiter.hpp>
#include <socketserver/os/descriptor_limit.hpp>
#include <socketserver/os/signals.hpp>
#include <socketserver/os/wakeup.hpp>

#include <array>
#include <csignal>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace socketserver::test {

namespace {

constexpr auto patience = 20s;

std::vector<std::string> shell(const std::string& script) {
    return {"/bin/sh", "-c", script};
}

/// All that a program writes until the end of its output.
std::string output_of(ChildProcess& child) {
    std::string all;
    std::array<std::byte, 4096> buffer;
    const auto deadline = Deadline::after(patience * time_factor);
    for (;;) {
        const IoResult result = child.read_some(buffer, deadline);
        all.append(reinterpret_cast<const char*>(buffer.data()), result.bytes);
        if (result.status == IoStatus::eof)
            return all;
        if (result.status != IoStatus::ok)
            return all + "(status " + std::to_string(static_cast<int>(result.status)) + ')';
    }
}

std::string output_of(const std::string& script) {
    ChildProcess child(shell(script));
    return output_of(child);
}

/// The exit status of a script; minus the signal that killed it.
int status_of(const std::string& script) {
    ChildProcess child(shell(script));
    BOOST_TEST((child.wait(Deadline::after(patience * time_factor)) == WaitResult::ready));
    const int status = child.end();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// A pipe with a name, to see by whether those that have opened it are gone.
class Fifo {
public:
    Fifo() {
        BOOST_REQUIRE(::mkfifo(path().c_str(), 0600) == 0);
        reader_ = UniqueFd{::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    }
    [[nodiscard]] std::string path() const { return folder_ / "fifo"; }
    /// Whether all that had it open for writing have closed it, or died.
    [[nodiscard]] bool is_left() const {
        return eventually([this] {
            char byte = 0;
            return ::read(reader_.get(), &byte, 1) == 0;
        });
    }

private:
    TemporaryDirectory folder_;
    UniqueFd reader_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(child_process, CaseGuard)

BOOST_AUTO_TEST_CASE(output_and_error_come_as_they_were_written) {
    BOOST_TEST(output_of("echo one; echo two >&2; printf three") == "one\ntwo\nthree");
}

BOOST_AUTO_TEST_CASE(standard_input_is_at_its_end) {
    BOOST_TEST(output_of("cat; readlink /proc/self/fd/0") == "/dev/null\n");
}

BOOST_AUTO_TEST_CASE(the_exit_status_and_the_signal_are_told) {
    BOOST_TEST(status_of("exit 0") == 0);
    BOOST_TEST(status_of("exit 7") == 7);
    BOOST_TEST(status_of("kill -TERM $$") == -SIGTERM);
}

BOOST_AUTO_TEST_CASE(the_exit_status_is_told_whatever_becomes_of_sigchld) {
    const int status = in_child([] {
        for (const int flags : {0, static_cast<int>(SA_NOCLDWAIT), static_cast<int>(SA_NOCLDWAIT | SA_RESTART)}) {
            struct sigaction action {};
            action.sa_handler = flags == 0 ? SIG_IGN : SIG_DFL;
            action.sa_flags = flags;
            ::sigaction(SIGCHLD, &action, nullptr);
            if (status_of("exit 7") != 7)
                return 1;
        }
        return 0;
    });
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(a_status_that_somebody_else_took_is_no_success) {
    ChildProcess child(shell("exit 7"));
    BOOST_TEST(::waitpid(child.pid(), nullptr, 0) == child.pid());
    BOOST_TEST(child.end() == ChildProcess::unknown_end);
}

BOOST_AUTO_TEST_CASE(a_program_that_does_not_exist_is_named) {
    BOOST_CHECK_EXCEPTION(ChildProcess({"/nowhere/none"}), system_error, [](const system_error& failure) {
        return failure.code() == system_code(ENOENT) &&
               std::string(failure.what()).find("/nowhere/none") != std::string::npos;
    });
}

BOOST_AUTO_TEST_CASE(signals_are_at_their_defaults_and_none_is_blocked) {
    struct sigaction before {};
    struct sigaction ignored {};
    ignored.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignored, &before);
    {
        const ScopedSignalBlock block{SIGTERM, SIGINT, SIGUSR1};
        const std::string signals = output_of(
            "while read name value; do case $name in SigBlk:|SigIgn:) echo $value;; esac; done </proc/$$/status");
        const std::size_t end_of_line = signals.find('\n');
        BOOST_REQUIRE(end_of_line != std::string::npos);
        BOOST_TEST(std::stoull(signals.substr(0, end_of_line), nullptr, 16) == 0U);
        // The C library keeps two signals for itself, which have no names.
        constexpr unsigned long long named = ~0ULL ^ (3ULL << 31U);
        BOOST_TEST((std::stoull(signals.substr(end_of_line), nullptr, 16) & named) == 0U);
        BOOST_TEST(status_of("kill -PIPE $$; echo alive") == -SIGPIPE);
        BOOST_TEST(status_of("kill -TERM $$; echo alive") == -SIGTERM);
    }
    ::sigaction(SIGPIPE, &before, nullptr);
}

BOOST_AUTO_TEST_CASE(no_descriptor_of_ours_is_open_in_the_program) {
    // One that somebody has opened without close-on-exec.
    const UniqueFd foreign{::fcntl(STDIN_FILENO, F_DUPFD, 50)};
    BOOST_REQUIRE(static_cast<bool>(foreign));
    BOOST_TEST(
        output_of("fd=0; while [ $fd -lt 100 ]; do [ ! -e /proc/$$/fd/$fd ] || echo $fd; fd=$((fd + 1)); done") ==
        "0\n1\n2\n20\n");
}

BOOST_AUTO_TEST_CASE(it_works_without_standard_streams_of_our_own) {
    const int status = in_child([] {
        for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
            ::close(fd);
        return output_of("echo one; echo two >&2; cat") == "one\ntwo\n" ? 0 : 1;
    });
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(it_has_a_process_group_of_its_own) {
    ChildProcess child(shell("sleep 1000"));
    BOOST_TEST(::getpgid(child.pid()) == child.pid());
}

BOOST_AUTO_TEST_CASE(reading_and_waiting_end_at_their_deadlines) {
    ChildProcess child(shell("sleep 1000"));
    std::array<std::byte, 10> buffer;
    BOOST_TEST((child.read_some(buffer, Deadline::after(1ms)).status == IoStatus::timed_out));
    BOOST_TEST((child.wait(Deadline::after(1ms)) == WaitResult::timed_out));
    BOOST_TEST(WTERMSIG(child.end()) == SIGKILL);
    BOOST_TEST((child.wait(Deadline::never()) == WaitResult::ready));
}

BOOST_AUTO_TEST_CASE(what_it_started_dies_with_it) {
    ChildProcess child(shell("sleep 1000 & sleep 1000 & echo started"));
    std::array<std::byte, 100> buffer;
    BOOST_TEST((child.read_some(buffer, Deadline::never()).status == IoStatus::ok));
    // The shell has ended, and its children hold the pipe open.
    BOOST_TEST((child.wait(Deadline::after(patience * time_factor)) == WaitResult::ready));
    BOOST_TEST((child.read_some(buffer, Deadline::after(1ms)).status == IoStatus::timed_out));
    BOOST_TEST(child.end() == 0);
    BOOST_TEST(output_of(child) == "");
}

BOOST_AUTO_TEST_CASE(it_dies_with_a_process_that_is_killed) {
    const Fifo fifo;
    const int status = in_child([&] {
        ChildProcess child(shell("exec 5>" + fifo.path() + "; sleep 1000 & echo started; sleep 1000"));
        std::array<std::byte, 100> buffer;
        if (child.read_some(buffer, Deadline::never()).status == IoStatus::ok)
            ::raise(SIGKILL);
        return 1;
    });
    BOOST_TEST(status == -SIGKILL);
    BOOST_TEST(fifo.is_left());
}

BOOST_AUTO_TEST_CASE(a_cut_ends_reading_and_waiting) {
    const Wakeup cut;
    PollWaiter waiter(cut);
    const ScopedWaiter installed(waiter);
    ChildProcess child(shell("sleep 1000"));
    cut.notify();
    std::array<std::byte, 10> buffer;
    BOOST_TEST((child.read_some(buffer, Deadline::never()).status == IoStatus::cut));
    BOOST_TEST((child.wait(Deadline::never()) == WaitResult::cut));
    BOOST_TEST(WTERMSIG(child.end()) == SIGKILL);
}

BOOST_AUTO_TEST_CASE(under_fibers_a_running_program_holds_up_nobody) {
    const TemporaryDirectory folder;
    const std::string fifo = folder / "fifo";
    BOOST_REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    for (const SelectorKind selector : {SelectorKind::epoll, SelectorKind::poll, SelectorKind::select}) {
        FiberLoop loop({.selector = selector});
        std::string first;
        std::string second;
        // Each ends only if the other one runs at the same time.
        loop.spawn([&] { first = output_of("echo one; read line <" + fifo + "; echo $line"); });
        loop.spawn([&] {
            ChildProcess child(shell("exec >&- 2>&-; echo two >" + fifo));
            second = child.wait(Deadline::never()) == WaitResult::ready ? "ended" : "?";
        });
        while (loop.busy())
            loop.run_once(Deadline::never());
        BOOST_TEST(first == "one\ntwo\n");
        BOOST_TEST(second == "ended");
    }
}

BOOST_AUTO_TEST_CASE(when_descriptors_run_out_nothing_is_left_behind_and_the_error_says_what_for) {
    const int status = in_child([] {
        ::close_range(3, ~0U, 0);
        // Two pipes and the pidfd are all that it needs beside the standard streams.
        for (rlim_t limit = 4; limit <= 8; ++limit) {
            const ScopedRlimit few(RLIMIT_NOFILE, limit);
            try {
                ChildProcess child(shell("exit 3"));
                static_cast<void>(child.wait(Deadline::never()));
                return WEXITSTATUS(child.end()) == 3 && limit == 8 ? 0 : 1;
            } catch (const system_error& failure) {
                if (failure.code() != system_code(EMFILE))
                    return 2;
                if (std::string(failure.what()).find("child process") == std::string::npos)
                    return 3;
                if (::waitpid(-1, nullptr, WNOHANG) >= 0)
                    return 4;
            }
        }
        return 5;
    });
    BOOST_TEST(status == 0);
}

// The limit stays raised, so another process raises it. The program may begin before it has its limit back, and asks until then.
BOOST_AUTO_TEST_CASE(gets_back_the_limit_on_descriptors_that_this_process_has_raised) {
    const int status = in_child([] {
        const ScopedRlimit few(RLIMIT_NOFILE, 100);
        raise_descriptor_limit();
        if (former_descriptor_limit() != 100U || descriptor_limit() <= 100)
            return 1;
        return output_of("until [ $(ulimit -S -n) = 100 ]; do :; done; echo 100") == "100\n" ? 0 : 2;
    });
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
