// Scenarios 5, 7 to 9, 22, 29, 30, 33, 34, 37 and 38: what happens to the bytes of a connection.

#include "fault_case.hpp"
#include "fault_server.hpp"
#include "process.hpp"

#include <support/children.hpp>
#include <support/eventually.hpp>
#include <support/time_factor.hpp>

#include <boost/test/unit_test.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <random>
#include <string>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;

namespace socketserver::test {

namespace {

constexpr std::size_t mebibyte = 1U << 20U;
// What may be taken for nothing beside what a peer sends or asks for; the sanitizers' own comes on top.
constexpr long little = static_cast<long>(16 * mebibyte) * time_factor;

/// Lines of 1 KiB that are all different.
std::string many_lines(std::size_t size) {
    std::string lines;
    while (lines.size() < size) {
        std::string line = std::to_string(lines.size());
        line.resize(1023, static_cast<char>('a' + lines.size() / 1024 % 26));
        lines += line + '\n';
    }
    return lines;
}

/// The memory of a server and all its children.
long memory_with_children(pid_t pid) {
    long sum = memory_of(pid);
    for (const pid_t child : children_of(pid))
        sum += memory_of(child);
    return sum;
}

void send_at_once(const Client& client) {
    const int on = 1;
    ::setsockopt(client.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

FAULT_CASE(5, a_storm_of_signals_loses_no_byte, every_mode) {
    const auto size = static_cast<std::size_t>(load(1, 64)) * mebibyte;
    FaultServer server(mode, {}, {{storm_variable, "1"}});
    Client client = server.connect();
    client.send("storm\n");
    const std::string sent = many_lines(size);
    constexpr std::size_t piece = 65'536;
    bool same = true;
    for (std::size_t at = 0; at < sent.size(); at += piece) {
        client.send(sent.substr(at, piece));
        same = same && client.read_exactly(std::min(piece, sent.size() - at)) == sent.substr(at, piece);
    }
    BOOST_TEST(same);
    client.close();
    BOOST_TEST(server.ask("next") == "next\n");
    return "a signal every millisecond: " + grouped(static_cast<long>(size / mebibyte)) +
           " MiB there and back, the same";
}

FAULT_CASE(5, a_storm_of_signals_puts_off_no_timeout, every_mode) {
    FaultServer server(mode, {"--timeout", "0.2"}, {{storm_variable, "1"}});
    Client client = server.connect();
    client.send("storm\n");
    BOOST_TEST(client.read_all() == "");
    BOOST_TEST(server.next_message().find("Connection timed out") != std::string::npos);
    return "a signal every millisecond: a silent client is timed out";
}

FAULT_CASE(7, single_bytes_make_the_same_stream, every_mode) {
    const auto size = static_cast<std::size_t>(load(4'096, 262'144));
    FaultServer server(mode);
    Client client = server.connect();
    send_at_once(client);
    client.send("bytes\n");
    const std::string sent = many_lines(size).substr(0, size);
    std::string got;
    constexpr std::size_t piece = 512;
    for (std::size_t at = 0; at < sent.size(); at += piece) {
        for (const char byte : sent.substr(at, piece))
            client.send(std::string(1, byte));
        got += client.read_exactly(std::min(piece, sent.size() - at));
    }
    BOOST_TEST((got == sent));
    client.half_close();
    BOOST_TEST(client.read_all() == "");
    return grouped(static_cast<long>(size)) + " reads and writes of one byte, the same";
}

FAULT_CASE(8, a_client_that_never_reads_is_timed_out, every_mode) {
    constexpr std::size_t size = 256 * mebibyte;
    FaultServer server(mode, {"--write-timeout", "0.2"});
    Client client = server.connect();
    client.send("write " + std::to_string(size) + '\n');
    BOOST_TEST(client.read_exactly(1) == "x");
    const long before = memory_with_children(server.pid());
    BOOST_TEST(server.next_message().find("timed out") != std::string::npos);
    const long more = memory_with_children(server.pid()) - before;
    BOOST_TEST(more < little);
    std::size_t got = 1;
    try {
        while (!client.read_some().empty())
            ++got;
    } catch (const std::system_error&) {
        // A reset is as good.
    }
    BOOST_TEST(got * 65'536 < size);
    BOOST_TEST(server.ask("next") == "next\n");
    return "256 MiB for a client that reads 1 byte: timed out, memory within 16 MiB";
}

FAULT_CASE(9, a_reset_in_the_middle_of_a_write_is_an_error_value, every_mode) {
    int resets = 0;
    for (const std::string disposition : {"default-sigpipe\n", ""}) {
        FaultServer server(mode);
        Client client = server.connect();
        client.send(disposition + "write 67108864\n");
        BOOST_TEST(client.read_exactly(100'000) == std::string(100'000, 'x'));
        client.reset();
        ++resets;
        const std::string message = server.next_message();
        BOOST_TEST((message.find("Broken pipe") != std::string::npos ||
                    message.find("Connection reset by peer") != std::string::npos));
        BOOST_TEST(server.ask("next") == "next\n");
        BOOST_TEST(server.stop() == "");
    }
    return std::to_string(resets) + " resets, SIGPIPE ignored and not: no death";
}

FAULT_CASE(9, a_stream_that_fails_at_its_nth_operation_costs_one_connection, every_mode) {
    FaultServer server(mode, {"--quiet"});
    const auto descriptors = descriptors_of(server.pid()).size();
    long faults = 0;
    for (const Point point : {Point::receive, Point::send}) {
        bool failed = true;
        for (long n = 0; failed; ++n) {
            server.faults(point).arm(point == Point::receive ? ECONNRESET : EPIPE, n);
            Client client = server.connect();
            int answered = 0;
            for (const std::string line : {"one\n", "two\n", "three\n"}) {
                try {
                    client.send(line);
                    answered += client.read_line() == line ? 1 : 0;
                } catch (const std::system_error&) {
                    break;
                }
            }
            failed = server.faults(point).disarm() != 0;
            BOOST_TEST((answered == 3 || failed));
            faults += failed ? 1 : 0;
            client.close();
        }
    }
    BOOST_TEST(faults >= 6);
    BOOST_TEST(server.ask("next") == "next\n");
    BOOST_TEST(eventually([&] { return descriptors_of(server.pid()).size() == descriptors; }));
    return std::to_string(faults) + " of a dialogue's operations failed one by one, each cost its connection alone";
}

FAULT_CASE(21, slow_clients_are_evicted_by_the_line_deadline, every_mode) {
    const int count = mode.one_at_a_time ? 1 : load(20, 500);
    std::vector<std::string> arguments{"--quiet", "--line-timeout", "0.5"};
    if (!mode.one_at_a_time)
        arguments.insert(arguments.end(),
                         {mode.name == "thread-pool" ? "--workers" : "--max-connections", std::to_string(count + 1)});
    FaultServer server(mode, arguments);
    std::vector<Client> slow;
    for (int i = 0; i < count; ++i)
        slow.push_back(server.connect());
    Client good = server.connect();
    // A byte each time that the good one has been served; where only one can be, his turn comes when they are gone.
    BOOST_TEST(eventually([&] {
        if (!mode.one_at_a_time) {
            good.send("here\n");
            BOOST_TEST_REQUIRE(good.read_line() == "here\n");
        }
        const auto has_ended = [](Client& client) {
            try {
                client.send("x");
                return !client.nothing_within(0ms);
            } catch (const std::system_error&) {
                return true;
            }
        };
        slow.erase(std::remove_if(slow.begin(), slow.end(), has_ended), slow.end());
        return slow.empty();
    }));
    good.send("here\n");
    BOOST_TEST(good.read_line() == "here\n");
    return grouped(count) + " clients that send a byte at a time evicted, a good one served all the while or next";
}

FAULT_CASE(22, idle_clients_are_timed_out_and_active_ones_are_not, every_mode) {
    constexpr int idle_clients = 5;
    // So long that a client that is kept from asking by other programs is still active.
    FaultServer server(mode, {"--timeout", std::to_string(1 * time_factor)});
    if (mode.one_at_a_time) {
        Client idle = server.connect();
        BOOST_TEST(idle.read_all() == "");
        BOOST_TEST(server.ask("next") == "next\n");
        return "1 idle client evicted, the next one served";
    }
    Client active = server.connect();
    std::vector<Client> idle;
    for (int i = 0; i < idle_clients; ++i)
        idle.push_back(server.connect());
    for (Client& each : idle) {
        while (each.nothing_within(10ms)) {
            active.send("here\n");
            BOOST_TEST_REQUIRE(active.read_line() == "here\n");
        }
        BOOST_TEST(each.read_all() == "");
    }
    return std::to_string(idle_clients) + " idle clients evicted, an active one not";
}

FAULT_CASE(29, a_line_without_end_is_an_error_at_its_limit, every_mode) {
    constexpr std::size_t size = 100 * mebibyte;
    FaultServer server(mode);
    const long before = memory_with_children(server.pid());
    Client client = server.connect();
    const std::string piece(65'536, 'x');
    std::size_t sent = 0;
    try {
        for (; sent < size; sent += piece.size())
            client.send(piece);
    } catch (const std::system_error&) {
        // As it should be.
    }
    BOOST_TEST(sent < size);
    BOOST_TEST(server.next_message().find("a line longer than 65536 bytes") != std::string::npos);
    BOOST_TEST(server.ask("next") == "next\n");
    // A child's memory is its own, and gone.
    BOOST_TEST(memory_with_children(server.pid()) - before < little);
    return "100 MiB without a line end: ended after 64 KiB, memory within 16 MiB";
}

FAULT_CASE(30, random_bytes_closes_and_pauses_end_nothing_but_their_connection, every_mode) {
    const int rounds = load(150, 5'000);
    FaultServer server(mode, {"--quiet", "--timeout", "0.5"});
    const auto descriptors = descriptors_of(server.pid()).size();
    std::mt19937 random(1);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same in each run
    const auto up_to = [&random](unsigned most) { return static_cast<unsigned>(random() % (most + 1)); };
    std::vector<Client> open;
    for (int i = 0; i < rounds; ++i) {
        if (open.empty() || up_to(2) == 0)
            open.push_back(server.connect());
        const std::size_t at = up_to(static_cast<unsigned>(open.size() - 1));
        try {
            std::string bytes(up_to(300), '\0');
            for (char& byte : bytes)
                byte = static_cast<char>(up_to(255));
            open[at].send(bytes);
            if (up_to(3) == 0)
                open[at].half_close();
        } catch (const std::system_error&) {
            open[at].close();
        }
        if (up_to(4) != 0 && open.size() < 20)
            continue;
        if (up_to(1) == 0 && open[at].fd() >= 0)
            open[at].reset();
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
    }
    open.clear();
    BOOST_TEST(server.ask("next") == "next\n");
    BOOST_TEST(eventually([&] { return descriptors_of(server.pid()).size() == descriptors; }));
    BOOST_TEST(server.stop() == "");
    return grouped(rounds) + " random pieces, closes, half-closes and resets: the next client served, no report";
}

FAULT_CASE(33, the_last_reply_arrives_although_input_is_left_unread, every_mode) {
    const int rounds = load(20, 1'000);
    FaultServer server(mode, {"--quiet"});
    int arrived = 0;
    for (const std::size_t size : {65'536UL, 8 * mebibyte}) {
        const std::string unread(size, 'x');
        for (int i = 0; i < rounds; ++i) {
            Client client = server.connect();
            client.send("leave\n");
            try {
                client.send(unread);
            } catch (const std::system_error&) {
                // It is gone; what it said must be there all the same.
            }
            arrived += line_or_end(client) == "bye\n" ? 1 : 0;
        }
    }
    BOOST_TEST(arrived == 2 * rounds);
    // The other way round.
    for (int i = 0; i < rounds; ++i) {
        Client client = server.connect();
        client.send("write 100000\n");
        BOOST_TEST(client.read_exactly(1) == "x");
        client.close();
    }
    BOOST_TEST(server.ask("next") == "next\n");
    return grouped(2L * rounds) + " replies with up to 8 MiB left unread, all arrived";
}

FAULT_CASE(34, urgent_data_neither_stalls_nor_loses_a_byte, every_mode) {
    const int rounds = load(100, 10'000);
    FaultServer server(mode);
    Client client = server.connect();
    send_at_once(client);
    for (int i = 0; i < rounds; ++i) {
        const std::string line = "line " + std::to_string(i) + '\n';
        const std::size_t half = line.size() / 2;
        client.send(line.substr(0, half));
        BOOST_TEST_REQUIRE(::send(client.fd(), "!", 1, MSG_OOB) == 1);
        client.send(line.substr(half));
        BOOST_TEST_REQUIRE(client.read_line() == line);
    }
    return grouped(rounds) + " urgent bytes between those of as many lines, which all came back";
}

FAULT_CASE(37, what_a_handler_has_waited_for_it_then_reads, every_mode) {
    const int rounds = load(20, 1'000);
    FaultServer server(mode);
    Client client = server.connect();
    client.send("wait\n");
    BOOST_TEST(client.read_line() == "waiting\n");
    for (int i = 0; i < rounds; ++i) {
        const std::string line = "line " + std::to_string(i) + '\n';
        client.send(line);
        BOOST_TEST_REQUIRE(client.read_line() == line);
        // Let the handler begin to wait, or not.
        if (i % 2 == 0)
            BOOST_TEST(client.nothing_within(1ms));
    }
    client.send("end\n");
    BOOST_TEST(client.read_line() == "end\n");
    return grouped(rounds) + " lines waited for and then read, all came back";
}

FAULT_CASE(38, what_came_in_time_is_answered_after_the_process_was_stopped, every_mode) {
    constexpr auto timeout = 2s;
    const std::string seconds = std::to_string(timeout.count());
    FaultServer server(mode.with_one_worker(), {"--timeout", seconds, "--line-timeout", seconds});
    Client client = server.connect();
    client.send("hel");
    std::vector<pid_t> processes;
    const auto all_wait = [&] {
        processes = children_of(server.pid());
        const bool served = !mode.preforks || !processes.empty();
        processes.push_back(server.pid());
        return served && std::all_of(processes.begin(), processes.end(), is_sleeping);
    };
    BOOST_TEST(eventually(all_wait));
    for (const pid_t each : processes)
        BOOST_TEST_REQUIRE(::kill(each, SIGSTOP) == 0);
    // Else a wait might see what comes, and end by it, before it is interrupted.
    BOOST_TEST(eventually([&] { return std::all_of(processes.begin(), processes.end(), is_stopped); }));
    const auto until = std::chrono::steady_clock::now() + timeout;
    client.send("lo\n");
    BOOST_TEST(eventually([&] { return std::chrono::steady_clock::now() >= until; }));
    for (const pid_t each : processes)
        ::kill(each, SIGCONT);
    BOOST_TEST(line_or_end(client) == "hello\n");
    return "stopped for " + seconds + " s, longer than the time-out: the line that had come was answered";
}

}  // namespace socketserver::test
