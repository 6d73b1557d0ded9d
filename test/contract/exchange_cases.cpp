#include "scene.hpp"

#include "support/eventually.hpp"
#include "support/fault_note.hpp"

#include <socketserver/os/process_mutex.hpp>
#include <socketserver/os/shared_memory.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <mutex>
#include <stdexcept>
#include <string>

#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace socketserver::test {

CONTRACT_CASE(echoes_to_three_clients_in_turn, every_server) {
    Scene scene(combination);
    scene.serve();
    for (const std::string line : {"one\n", "two\n", "three\n"})
        BOOST_TEST(scene.exchange(line) == line);
    BOOST_TEST(!scene.stop());
    scene.server().server_close();
    BOOST_TEST(scene.server().fileno() == -1);
    BOOST_TEST(scene.statistics().handled == 3U);
    BOOST_TEST(scene.script.log.lines().empty());
}

CONTRACT_CASE(answers_each_line_of_a_connection, streams) {
    Scene scene(combination);
    scene.serve();
    Client client = scene.connect();
    for (int i = 0; i < 100; ++i) {
        const std::string line = std::to_string(i) + '\n';
        client.send(line);
        BOOST_TEST_REQUIRE(client.read_line() == line);
    }
    client.half_close();
    BOOST_TEST(client.read_all().empty());
}

CONTRACT_CASE(server_address_is_the_address_bound, every_server) {
    Scene scene(combination);
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    BOOST_TEST_REQUIRE(::getsockname(scene.server().fileno(), reinterpret_cast<sockaddr*>(&bound), &length) == 0);
    BOOST_TEST(scene.server().server_address() == Address::from_sockaddr(reinterpret_cast<sockaddr*>(&bound), length));
    BOOST_TEST((scene.server().server_address().port() != 0 || combination.is_unix()));
}

CONTRACT_CASE(tells_the_handler_who_asks_and_whom, every_server) {
    Scene scene(combination);
    scene.script.handle = [](Conversation& with) {
        [[maybe_unused]] const auto line = with.rfile.read_line();
        with.wfile << with.client_address << ' ' << with.server.server_address() << '\n';
    };
    scene.serve();
    const auto sent = scene.send("who?\n");
    const std::string here = sent.stream ? sent.stream->local_address() : sent.datagram->local_address();
    BOOST_TEST(sent.answer() ==
               (here.empty() ? "(unnamed)" : here) + ' ' + scene.server().server_address().to_string() + '\n');
}

CONTRACT_CASE(files_are_the_requests_own, streams) {
    Scene scene(combination);
    scene.script.handle = [](Conversation& with) {
        with.wfile << with.wfile.fileno() - with.connection->fileno() << with.rfile.fileno() - with.connection->fileno()
                   << '\n';
    };
    scene.serve();
    BOOST_TEST(scene.connect().read_line() == "00\n");
}

CONTRACT_CASE(what_is_written_arrives_without_flush, every_server) {
    Scene scene(combination);
    scene.script.handle = [](Conversation& with) {
        [[maybe_unused]] const auto line = with.rfile.read_line();
        const auto count = with.wfile.write("written");
        with.wfile << ' ' << count << '\n';
    };
    scene.serve();
    BOOST_TEST(scene.exchange("\n") == "written 7\n");
}

CONTRACT_CASE(what_is_written_leaves_before_a_read_waits, streams) {
    Scene scene(combination);
    scene.script.handle = [](Conversation& with) {
        with.wfile << "name? ";
        const auto line = with.rfile.read_line();
        with.wfile << "hello " << line.value_or("nobody") << '\n';
    };
    scene.serve();
    Client client = scene.connect();
    BOOST_TEST(client.read_exactly(6) == "name? ");
    client.send("you\r\n");
    BOOST_TEST(client.read_all() == "hello you\n");
}

CONTRACT_CASE(wbufsize_of_zero_sends_each_write, streams) {
    Scene scene(combination);
    scene.script.construct = [](Conversation& with) { *with.wbufsize = 0; };
    scene.script.handle = [&](Conversation& with) {
        with.wfile << "now";
        scene.script.block_on_gate();
    };
    scene.serve();
    Client client = scene.connect();
    BOOST_TEST(client.read_exactly(3) == "now");
    scene.script.gate.notify();
    BOOST_TEST(client.read_all().empty());
}

namespace {

// Interrupts the calling thread every millisecond, in a way that a forked child can use too: by a timer, not a thread.
class Interruptions {
public:
    Interruptions() {
        struct sigaction action {};
        action.sa_handler = [](int) {};
        ::sigaction(SIGUSR2, &action, &former_);
        sigevent event{};
        event.sigev_notify = SIGEV_THREAD_ID;
        event.sigev_signo = SIGUSR2;
        event._sigev_un._tid = static_cast<pid_t>(::syscall(SYS_gettid));
        ::timer_create(CLOCK_MONOTONIC, &event, &timer_);
        const itimerspec each{{0, 1'000'000}, {0, 1'000'000}};
        ::timer_settime(timer_, 0, &each, nullptr);
    }
    ~Interruptions() {
        ::timer_delete(timer_);
        ::sigaction(SIGUSR2, &former_, nullptr);
    }
    Interruptions(const Interruptions&) = delete;
    Interruptions& operator=(const Interruptions&) = delete;

private:
    struct sigaction former_ {};
    timer_t timer_{};
};

}  // namespace

CONTRACT_CASE(a_huge_write_is_complete_in_spite_of_signals, streams) {
    constexpr std::size_t size = 8U << 20U;
    Scene scene(combination);
    scene.script.handle = [&](Conversation& with) {
        const Interruptions interruptions;
        const auto count = with.wfile.write(std::string(size, 'x'));
        with.wfile << count << '\n';
    };
    scene.serve();
    Client client = scene.connect();
    // Let the kernel's buffers fill first, so that the handler waits for room while it is interrupted.
    BOOST_TEST(client.read_exactly(1) == "x");
    BOOST_TEST(eventually([&] { return scene.script.calls("handle") == 1; }));
    const std::string all = client.read_all();
    const std::string count = std::to_string(size) + '\n';
    BOOST_TEST_REQUIRE(all.size() == size - 1 + count.size());
    BOOST_TEST((all.find_first_not_of('x') == size - 1));
    BOOST_TEST(all.ends_with(count));
}

CONTRACT_CASE(answers_after_the_client_has_half_closed, streams) {
    Scene scene(combination);
    scene.serve();
    Client client = scene.connect();
    client.send("one\nlast without end");
    client.half_close();
    BOOST_TEST(client.read_all() == "one\nlast without end");
    scene.stop();
    BOOST_TEST(scene.script.log.lines().empty());
    note_fault(10, combination.concurrency, "the rest of the input is answered after the half-close");
}

CONTRACT_CASE(a_client_that_says_nothing_and_leaves_is_no_error, streams) {
    Scene scene(combination);
    scene.serve();
    scene.connect().close();
    BOOST_TEST(scene.script.comes_to("finish"));
    BOOST_TEST(scene.exchange("next\n") == "next\n");
    scene.stop();
    BOOST_TEST(scene.script.log.lines().empty());
}

CONTRACT_CASE(a_reset_ends_one_request_with_one_message, tcp_servers) {
    Scene scene(combination);
    scene.serve();
    Client client = scene.connect();
    client.send("hello\n");
    BOOST_TEST(client.read_line() == "hello\n");
    const std::string name = client.local_address();
    client.reset();
    BOOST_TEST(scene.script.comes_to("handle_error"));
    BOOST_TEST(scene.exchange("next\n") == "next\n");
    scene.stop();
    scene.server().server_close();
    BOOST_TEST(scene.script.log.lines().size() == 1U);
    BOOST_TEST(scene.logged("request from " + name + ": ") == 1U);
    BOOST_TEST(scene.logged("Connection reset by peer") == 1U);
    BOOST_TEST(scene.statistics().failed == 1U);
}

CONTRACT_CASE(a_line_over_the_limit_ends_one_request_with_one_message, streams) {
    Scene scene(combination);
    scene.serve();
    Client client = scene.connect();
    client.send(std::string(BufferedReader::default_line_limit + 2, 'x'));
    [[maybe_unused]] const bool by_reset = client.ends_by_reset();
    BOOST_TEST(scene.script.comes_to("handle_error"));
    BOOST_TEST(scene.exchange("next\n") == "next\n");
    scene.stop();
    scene.server().server_close();
    BOOST_TEST(scene.script.log.lines().size() == 1U);
    BOOST_TEST(scene.logged("a line longer than 65536 bytes") == 1U);
    BOOST_TEST(scene.logged("error: ") == 0U);
}

CONTRACT_CASE(what_this_machine_lacks_is_logged_as_an_error, every_server) {
    Scene scene(combination);
    scene.script.handle = [](Conversation&) { throw_errno(EMFILE, "open", "a file"); };
    scene.serve();
    const auto sent = scene.send("\n");
    BOOST_TEST(scene.script.comes_to("handle_error"));
    scene.stop();
    scene.server().server_close();
    BOOST_TEST(scene.logged("error: request from ") == 1U);
    BOOST_TEST(scene.logged("open a file: Too many open files") == 1U);
}

CONTRACT_CASE(a_client_of_another_protocol_harms_nobody, every_server) {
    Scene scene(combination);
    scene.serve();
    // The beginning of a TLS handshake, NULs, and no line end.
    const std::string noise("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\xff", 13);
    const auto sent = scene.send(noise);
    if (sent.stream)
        sent.stream->half_close();
    BOOST_TEST(sent.answer() == noise);
    BOOST_TEST(scene.exchange("next\n") == "next\n");
    scene.stop();
    BOOST_TEST(scene.script.log.lines().empty());
}

CONTRACT_CASE(a_handlers_timeout_ends_its_request_with_one_message, streams) {
    Scene scene(combination);
    scene.script.construct = [](Conversation& with) { *with.timeout = 20ms; };
    scene.serve();
    BOOST_TEST(scene.connect().read_all().empty());
    BOOST_TEST(scene.exchange("next\n") == "next\n");
    scene.stop();
    scene.server().server_close();
    BOOST_TEST(scene.logged("Connection timed out") == 1U);
    BOOST_TEST(scene.script.log.lines().size() == 1U);
}

CONTRACT_CASE(the_servers_timeout_reaches_each_connection, streams) {
    Scene scene(combination, {.connection = {.timeout = 20ms}});
    scene.serve();
    BOOST_TEST(scene.connect().read_all().empty());
    BOOST_TEST(eventually([&] { return scene.logged("Connection timed out") == 1; }));
}

CONTRACT_CASE(the_servers_bound_on_lines_ends_a_connection, streams) {
    Scene scene(combination, {.connection = {.max_lines = 2}});
    scene.serve();
    Client client = scene.connect();
    client.send("one\ntwo\n");
    BOOST_TEST(client.read_all() == "one\ntwo\n");
}

CONTRACT_CASE(counts_what_it_serves, every_server) {
    Scene scene(combination);
    scene.script.handle = [&](Conversation& with) {
        if (const auto line = with.rfile.read_line(); line == "throw")
            throw std::runtime_error("as told");
        with.wfile << "fine\n";
    };
    scene.script.verify_request = [&](const Address&) { return scene.statistics().accepted != 3; };
    scene.serve();
    BOOST_TEST(scene.exchange("good\n") == "fine\n");
    const auto failing = scene.send("throw\n");
    BOOST_TEST(scene.script.comes_to("close_request", combination.forks ? 4 : 2));
    const auto rejected = scene.send("good\n");
    BOOST_TEST(scene.script.comes_to("close_request", combination.forks ? 5 : 3));
    BOOST_TEST(scene.exchange("good\n") == "fine\n");
    scene.stop();
    scene.server().server_close();
    const Statistics counted = scene.statistics();
    BOOST_TEST(counted.accepted == 4U);
    BOOST_TEST(counted.handled == 2U);
    BOOST_TEST(counted.failed == 1U);
    BOOST_TEST(counted.rejected == 1U);
    BOOST_TEST(counted.active == 0U);
    BOOST_TEST(counted.accept_errors == 0U);
}

CONTRACT_CASE(counts_what_it_is_serving_now, every_server) {
    Scene scene(combination);
    scene.script.handle = [&](Conversation&) { scene.script.await_gate(); };
    scene.serve();
    const auto sent = scene.send("wait\n");
    BOOST_TEST(scene.script.comes_to("handle"));
    // A child may begin before its parent has counted it.
    BOOST_TEST(eventually([&] { return scene.statistics().active == 1; }));
    scene.script.gate.notify();
    BOOST_TEST(eventually([&] { return scene.statistics().active == 0; }));
}

namespace {

struct Totals {
    process_mutex mutex;
    int count = 0;      // guarded by mutex
    int abandoned = 0;  // guarded by mutex
};

bool streams_in_processes(const Combination& combination) {
    return combination.transport == Combination::Transport::unix_stream && (combination.forks || combination.preforks);
}

}  // namespace

CONTRACT_CASE(what_processes_share_is_guarded_although_one_dies, streams_in_processes) {
    const SharedMemory<Totals> totals;
    Scene scene(combination);
    scene.script.handle = [&totals](Conversation& with) {
        const std::string line(with.rfile.readline());
        const std::lock_guard lock(totals->mutex);
        if (line == "die\n")
            std::raise(SIGKILL);
        if (totals->mutex.abandoned()) {
            ++totals->abandoned;
            totals->mutex.repaired();
        }
        ++totals->count;
        with.wfile << line;
    };
    scene.serve();
    constexpr int count = 20;
    for (int i = 0; i < count; ++i) {
        if (i == count / 2)
            BOOST_TEST(scene.exchange("die\n") == "");
        BOOST_TEST(scene.exchange("line\n") == "line\n");
    }
    BOOST_TEST(!scene.stop());
    scene.server().server_close();
    BOOST_TEST(totals->count == count);
    BOOST_TEST(totals->abandoned == 1);
    note_fault(59, combination.concurrency, "one dies with the lock: the next one gets it and is told");
}

}  // namespace socketserver::test
