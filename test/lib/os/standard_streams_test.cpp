#include <socketserver/os/standard_streams.hpp>

#include <socketserver/fiber/fiber_loop.hpp>
#include <socketserver/loop/selector.hpp>
#include <socketserver/net/child_process.hpp>
#include <socketserver/net/poll_waiter.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/net/socket_functions.hpp>
#include <socketserver/net/waiter.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/os/folder.hpp>
#include <socketserver/os/signals.hpp>
#include <socketserver/os/wakeup.hpp>

#include <support/case_guard.hpp>
#include <support/forked.hpp>
#include <support/readable.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <stdio_ext.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>

namespace socketserver::test {

namespace {

void close_standard_streams() {
    for (const int fd : {0, 1, 2})
        ::close(fd);
}

/// Whether no descriptor below 3 is open.
bool none_is_open() {
    return !is_open(0) && !is_open(1) && !is_open(2);
}

/// Has standard output and error go to a pipe without a reader.
void lose_the_reader() {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0)
        return;
    ::dup2(ends[1], 1);
    ::dup2(ends[1], 2);
    ::close(ends[0]);
    ::close(ends[1]);
    std::signal(SIGPIPE, SIG_DFL);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(standard_streams, CaseGuard)

BOOST_AUTO_TEST_CASE(no_descriptor_of_the_library_takes_their_place) {
    const TemporaryDirectory place;
    const int status = in_child([&place] {
        close_standard_streams();
        const Wakeup wakeup;
        const SignalFd signals{SIGUSR1};
        const auto [one, other] = socketpair();
        const Socket listener = create_server({"127.0.0.1", 0});
        const Socket client = create_connection("127.0.0.1", listener.getsockname().port());
        Socket accepting = fromfd(listener.fileno());
        const auto [accepted, peer] = accepting.accept();
        const auto selector = Selector::make(SelectorKind::epoll);
        const Folder folder(place.path());
        error_code error;
        const Folder::File file = folder.open("", error);
        if (error)
            return 2;
        const ChildProcess program({"/bin/true"});
        return none_is_open() && accepted.fileno() > 2 ? 0 : 1;
    });
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(no_descriptor_of_a_loop_takes_their_place) {
    const int status = in_child([] {
        close_standard_streams();
        FiberLoop loop;
        bool none = false;
        loop.spawn([&none] {
            auto [connection, peer] = socketpair();
            Waiter& waiter = Waiter::current();
            waiter.end_with_peer_of(&connection.waitable());
            none = sleep_for(std::chrono::milliseconds{1}) == WaitResult::timed_out && none_is_open();
            waiter.end_with_peer_of(nullptr);
        });
        while (loop.busy())
            loop.run_once(Deadline::never());
        return none ? 0 : 1;
    });
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(a_program_that_a_handler_runs_has_its_streams) {
    const int status = in_child([] {
        close_standard_streams();
        ChildProcess program({"/bin/sh", "-c", "echo to; echo error >&2; cat"});
        std::array<std::byte, 100> bytes{};
        std::string said;
        for (IoResult got = program.read_some(bytes, Deadline::never()); got.status == IoStatus::ok;
             got = program.read_some(bytes, Deadline::never()))
            said.append(reinterpret_cast<const char*>(bytes.data()), got.bytes);
        return said == "to\nerror\n" && program.end() == 0 ? 0 : 1;
    });
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(closed_ones_are_occupied_and_stay_unusable) {
    for (const int only : {-1, 0, 1, 2}) {
        const int status = in_child([only] {
            for (const int fd : {0, 1, 2}) {
                if (only < 0 || only == fd)
                    ::close(fd);
            }
            occupy_standard_streams();
            const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
            char byte = 0;
            bool unusable = next > 2;
            for (const int fd : {0, 1, 2}) {
                if (only < 0 || only == fd)
                    unusable = unusable && is_open(fd) && ::read(fd, &byte, 1) < 0 && ::write(fd, &byte, 1) < 0;
            }
            return unusable ? 0 : 1;
        });
        BOOST_TEST(status == 0);
    }
}

BOOST_AUTO_TEST_CASE(standard_error_is_told_from_a_file_in_its_place) {
    BOOST_TEST(standard_error() == STDERR_FILENO);
    BOOST_TEST(in_child([] {
                   ::close(STDERR_FILENO);
                   return standard_error() == -1 ? 0 : 1;
               }) == 0);
    BOOST_TEST(in_child([] {
                   ::close(STDERR_FILENO);
                   const int fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
                   return fd == STDERR_FILENO && standard_error() == -1 ? 0 : 1;
               }) == 0);
}

BOOST_AUTO_TEST_CASE(what_std_cout_lost_before_is_told_at_its_end) {
    const int status = in_child([] {
        const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
        ::dup2(full, STDOUT_FILENO);
        std::cout << std::string(100'000, 'x') << std::flush;
        try {
            flush_standard_output();
        } catch (const system_error& failure) {
            return failure.code() == system_code(ENOSPC) ? 0 : 2;
        }
        return 1;
    });
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(what_printf_lost_is_told_although_std_cout_has_a_buffer_of_its_own) {
    const int status = in_child([] {
        ::dup2(::open("/dev/full", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
        std::ios::sync_with_stdio(false);
        std::fputs("lost", stdout);
        try {
            flush_standard_output();
        } catch (const system_error& failure) {
            return failure.code() == system_code(ENOSPC) ? 0 : 2;
        }
        return 1;
    });
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(flushing_for_a_fork_does_not_die_of_a_reader_that_has_gone) {
    for (const bool synced : {true, false}) {
        const int status = in_child([synced] {
            lose_the_reader();
            std::ios::sync_with_stdio(synced);
            std::cout << "lost";
            flush_buffered_output();
            return 7;
        });
        BOOST_TEST(status == 7);
    }
}

BOOST_AUTO_TEST_CASE(a_std_cout_that_throws_keeps_nothing_else_from_being_flushed) {
    const TemporaryDirectory folder;
    const std::string path = folder / "log";
    const int status = in_child([&path] {
        ::dup2(::open("/dev/full", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
        ::dup2(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), STDERR_FILENO);
        std::ios::sync_with_stdio(false);
        std::cout.exceptions(std::ios::badbit);
        std::cout << "lost";
        std::clog << "kept";
        flush_output_of_child(flush_buffered_output());
        return std::cout.bad() ? 0 : 1;
    });
    BOOST_TEST(status == 0);
    BOOST_TEST(std::filesystem::file_size(path) == 4U);
}

BOOST_AUTO_TEST_CASE(flushing_for_a_fork_does_not_wait_for_a_stream_that_somebody_reads) {
    const int status = in_child([] {
        std::array<int, 2> ends{};
        if (::pipe(ends.data()) != 0)
            return 2;
        ::dup2(ends[0], STDIN_FILENO);
        // In a thread that reads, the stream is locked; one that has it locked is as good.
        std::thread([] {
            ::flockfile(stdin);
            ::pause();
        }).detach();
        while (::ftrylockfile(stdin) == 0)
            ::funlockfile(stdin);
        ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
        std::fputs("x", stdout);
        flush_buffered_output();
        return ::__fpending(stdout) == 0 ? 0 : 1;
    });
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
