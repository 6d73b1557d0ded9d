// Scenarios 13, 19, 20, 31 and 32: what handlers do to themselves, and to others.

#include "fault_case.hpp"
#include "fault_server.hpp"
#include "process.hpp"

#include <support/children.hpp>
#include <support/eventually.hpp>
#include <support/time_factor.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;

namespace socketserver::test {

namespace {

/// A client that is being served, where several can be.
std::optional<Client> bystander(const FaultServer& server, const FaultMode& mode) {
    std::optional<Client> client;
    if (!mode.one_at_a_time) {
        client.emplace(server.connect());
        client->send("here\n");
        BOOST_TEST(client->read_line() == "here\n");
    }
    return client;
}

void check_unharmed(std::optional<Client>& client) {
    if (client) {
        client->send("still\n");
        BOOST_TEST(client->read_line() == "still\n");
    }
}

}  // namespace

FAULT_CASE(13, the_nth_allocation_of_a_request_costs_one_connection, every_mode) {
    FaultServer server(mode.with_one_worker(), {"--quiet"});
    const pid_t process = server.accepting().front();
    const auto descriptors = descriptors_of(process).size();
    BOOST_TEST(server.ask("first") == "first\n");
    const auto at_rest = [&] { return !mode.forks || children_of(process).empty(); };
    BOOST_TEST(eventually(at_rest));
    int faults = 0;
    int untouched = 0;
    // A request may need one more or less than the one before: it needs no more once several in a row have met no fault.
    constexpr int enough = 3;
    for (long n = 0; untouched < enough; ++n) {
        server.faults(Point::allocation).arm(ENOMEM, n);
        const std::string answer = server.ask("hello");
        BOOST_TEST(eventually(at_rest));
        const bool failed = server.faults(Point::allocation).disarm() != 0;
        BOOST_TEST((failed || answer == "hello\n"));
        untouched = failed ? 0 : untouched + 1;
        faults += failed ? 1 : 0;
        BOOST_TEST_REQUIRE(server.ask("next") == "next\n");
    }
    BOOST_TEST(faults > 0);
    BOOST_TEST(eventually([&] { return descriptors_of(process).size() == descriptors; }));
    BOOST_TEST(server.accepting().front() == process);
    return "all " + std::to_string(faults) + " allocations of a request failed one by one; each next client was served";
}

FAULT_CASE(19, a_handler_that_throws_ends_its_connection_alone, every_mode) {
    const int rounds = load(20, 1'000);
    FaultServer server(mode);
    auto other = bystander(server, mode);
    for (int i = 0; i < rounds; ++i) {
        BOOST_TEST(server.ask("throw") == "");
        BOOST_TEST(server.next_message().ends_with("as told\n"));
        BOOST_TEST(server.ask("throw-unknown") == "");
        BOOST_TEST(server.next_message().ends_with("an exception that is no std::exception\n"));
    }
    check_unharmed(other);
    BOOST_TEST(server.ask("next") == "next\n");
    return grouped(2L * rounds) + " exceptions, each told once, each ended its connection alone";
}

FAULT_CASE(19, a_handler_that_dies_by_a_signal_ends_its_process_alone, modes_of_children) {
    // Workers that die young are replaced after longer and longer pauses.
    const int rounds = mode.forks ? load(20, 1'000) : 3;
    FaultServer server(mode.with_one_worker());
    std::optional<Client> other;
    if (mode.forks)
        other = bystander(server, mode);
    for (int i = 0; i < rounds; ++i) {
        BOOST_TEST(server.ask("die") == "");
        BOOST_TEST(server.next_message().find("was killed by signal 9 (Killed)") != std::string::npos);
    }
    check_unharmed(other);
    BOOST_TEST(server.ask("next") == "next\n");
    return grouped(rounds) + " handlers killed, each told once, the next client served";
}

FAULT_CASE(20, a_stack_overflow_dies_and_names_the_fiber, modes_of_fibers) {
    FaultServer server(mode.with_one_worker());
    Client client = server.connect();
    client.send("overflow\n");
    BOOST_TEST(line_or_end(client) == "");
    std::string said;
    if (mode.preforks) {
        while (said.find("worker ") == std::string::npos)
            said += server.next_message();
        BOOST_TEST(server.ask("next") == "next\n");
    } else {
        server.leave_it();
        BOOST_TEST(server.program().wait() != 0);
        said = server.program().error();
    }
    // A sanitizer tells of it in its own way.
    BOOST_TEST((time_factor > 1 || said.find(client.local_address()) != std::string::npos));
    return mode.preforks ? "the worker dies, its replacement serves" : "the process dies";
}

FAULT_CASE(31, each_handler_sees_its_own_exception, every_mode) {
    const int count = mode.one_at_a_time ? 1 : 20;
    const int rounds = load(5, 200);
    FaultServer server(mode);
    std::vector<Client> clients;
    for (int i = 0; i < count; ++i)
        clients.push_back(server.connect());
    for (int round = 0; round < rounds; ++round) {
        const auto word = [round](std::size_t i) { return std::to_string(round) + '.' + std::to_string(i); };
        for (std::size_t i = 0; i < clients.size(); ++i)
            clients[i].send((i % 2 == 0 ? "catch " : "unwind ") + word(i) + '\n');
        for (std::size_t i = 0; i < clients.size(); ++i)
            BOOST_TEST(clients[i].read_line() == (i % 2 == 0 ? "caught\n" : "unwinding\n"));
        // All are in the middle of it now. They go on in another order than they came.
        for (std::size_t i = clients.size(); i-- > 0;) {
            clients[i].send("go on\n");
            BOOST_TEST(clients[i].read_line() == (i % 2 == 0 ? word(i) + ' ' + word(i) : word(i)) + '\n');
        }
    }
    return std::to_string(count) + " handlers at once wait in catch blocks and destructors, " + std::to_string(rounds) +
           " times: each sees its own exception";
}

namespace {

bool serves_others(const FaultServer& server) {
    constexpr int others = 20;
    for (int i = 0; i < others; ++i) {
        if (server.ask("other") != "other\n")
            return false;
    }
    return true;
}

}  // namespace

FAULT_CASE(32, a_handler_that_sleeps_resolves_or_reads_holds_up_nobody, several_at_a_time) {
    FaultServer server(mode.with_one_worker(), {"--quiet", "--drain", "0.1"});
    Client sleeping = server.connect();
    sleeping.send("sleep\n");
    BOOST_TEST(sleeping.read_line() == "sleeping\n");
    BOOST_TEST(serves_others(server));

    Injection& resolver = server.faults(Point::resolve);
    resolver.arm(EAGAIN, 0, 1'000'000);
    Client resolving = server.connect();
    resolving.send("resolve\n");
    BOOST_TEST(eventually([&] { return resolver.failed > 0; }));
    BOOST_TEST(serves_others(server));
    resolver.disarm();
    BOOST_TEST(resolving.read_line() == "resolved\n");

    // A file that takes as long as one wants.
    const TemporaryDirectory folder;
    const std::string path = folder / "fifo";
    BOOST_TEST_REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    Client reading = server.connect();
    reading.send("read " + path + '\n');
    const detail::ClientSocket writer(::open(path.c_str(), O_WRONLY | O_CLOEXEC));  // waits until it is open there
    BOOST_TEST(serves_others(server));
    BOOST_TEST(::write(writer.get(), "contents\n", 9) == 9);
    BOOST_TEST(reading.read_line() == "contents\n");
    return "20 others served while a handler sleeps, while one resolves a name, while one reads a file";
}

}  // namespace socketserver::test
