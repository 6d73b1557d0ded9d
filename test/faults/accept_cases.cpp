// Scenarios 1 to 4, 11, 12, 14 and 23: connections that cannot be had, or cannot be served yet.

#include "fault_case.hpp"
#include "fault_server.hpp"
#include "process.hpp"

#include <support/children.hpp>
#include <support/eventually.hpp>
#include <support/forked.hpp>
#include <support/rlimit.hpp>
#include <support/time_factor.hpp>

#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace socketserver::test {

namespace {

using Clock = std::chrono::steady_clock;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool is_asan_ubsan = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool is_asan_ubsan = true;
#else
constexpr bool is_asan_ubsan = false;
#endif
#else
constexpr bool is_asan_ubsan = false;
#endif

/// Every mode, but none under UndefinedBehaviorSanitizer, which comes with AddressSanitizer here: it looks at each type by means
/// of pipe(2), and takes a want of descriptors for an object of the wrong type. The contract suite has such a case, too.
std::vector<FaultMode> modes_with_few_descriptors() {
    return is_asan_ubsan ? std::vector<FaultMode>{} : every_mode();
}

/// Whether a process computes for less than 5 % of a second while a client that cannot be served yet waits. One that has been busy,
/// or has a sanitizer in it, may need some seconds to come to rest; one that spins never does.
bool rests(pid_t process, Client& waiting) {
    constexpr int most_seconds = 10;
    for (int i = 0; i < most_seconds; ++i) {
        const auto begin = Clock::now();
        const long used = computing_time_of(process);
        if (!waiting.nothing_within(1s))
            return false;
        const auto hundredths = (Clock::now() - begin) / 10ms;
        if ((computing_time_of(process) - used) * 20 <= hundredths)
            return true;
    }
    return false;
}

std::size_t occurrences(const std::string& text, const std::string& of) {
    std::size_t found = 0;
    for (auto at = text.find(of); at != std::string::npos; at = text.find(of, at + 1))
        ++found;
    return found;
}

/// Whether connections do not exhaust the descriptors of a process that accepts them, so that there may be none to begin with.
bool takes_all_descriptors_at_once(const FaultMode& mode) {
    return mode.one_at_a_time || mode.forks;
}

rlim_t descriptor_limit(const FaultMode& mode, pid_t process) {
    constexpr rlim_t few = 32;
    return takes_all_descriptors_at_once(mode) ? static_cast<rlim_t>(lowest_free_descriptor(process)) : few;
}

/// Clients that have each sent a line.
std::vector<Client> waiting_clients(const FaultServer& server, int count) {
    std::vector<Client> clients;
    for (int i = 0; i < count; ++i) {
        clients.push_back(server.connect());
        clients.back().send("client " + std::to_string(i) + '\n');
    }
    return clients;
}

/// Each gets its line, and makes room for the next. Returns how many.
int serve_in_turn(std::vector<Client>& clients) {
    int served = 0;
    for (Client& client : clients) {
        BOOST_TEST(client.read_line() == "client " + std::to_string(served) + '\n');
        client.close();
        ++served;
    }
    return served;
}

}  // namespace

FAULT_CASE(1, exhausted_descriptors_defer_clients_without_a_spin, modes_with_few_descriptors) {
    FaultServer server(mode.with_one_worker(), {"--quiet"});
    const pid_t process = server.accepting().front();
    const std::size_t descriptors = descriptors_of(process).size();
    const auto begin = Clock::now();
    std::vector<Client> clients;
    std::optional<ScopedRlimit> limit(std::in_place, RLIMIT_NOFILE, descriptor_limit(mode, process), process);
    clients = waiting_clients(server, 32);
    BOOST_TEST(occurrences(server.next_message(), "Too many open files") == 1U);
    BOOST_TEST(rests(process, clients.back()));
    if (takes_all_descriptors_at_once(mode)) {
        limit.reset();
    } else {
        BOOST_TEST(clients.front().read_line() == "client 0\n");
        clients.front().send("client 0\n");  // still served
    }
    const int served = serve_in_turn(clients);
    BOOST_TEST(served == 32);
    BOOST_TEST(eventually([&] { return descriptors_of(process).size() == descriptors; }));
    limit.reset();
    const std::string log = server.stop();
    const auto seconds = static_cast<std::size_t>((Clock::now() - begin) / 1s);
    BOOST_TEST(occurrences(log, "Too many open files") == occurrences(log, "\n"));
    BOOST_TEST(occurrences(log, "\n") <= seconds);
    return "32 clients with at most 32 descriptors: none lost, under 5 % CPU while one waits, one log line a second";
}

FAULT_CASE(2, exhausted_descriptors_with_an_empty_queue_do_not_spin, modes_with_few_descriptors) {
    FaultServer server(mode.with_one_worker(), {"--quiet"});
    const pid_t process = server.accepting().front();
    const ScopedRlimit limit(RLIMIT_NOFILE, static_cast<rlim_t>(lowest_free_descriptor(process)) + 1, process);
    // The last descriptor goes to this one; what asks for more finds nobody waiting, and yet EMFILE.
    Client client = server.connect();
    client.send("first\n");
    BOOST_TEST(client.read_line() == "first\n");
    BOOST_TEST(rests(process, client));
    client.send("still\n");
    BOOST_TEST(client.read_line() == "still\n");
    Client next = server.connect();
    next.send("next\n");
    client.close();
    BOOST_TEST(next.read_line() == "next\n");
    next.close();
    return "under 5 % CPU, the next client is served";
}

FAULT_CASE(3, a_system_short_of_resources_is_waited_for, every_mode) {
    constexpr int failures = 8;
    FaultServer server(mode.with_one_worker());
    int waited = 0;
    for (const int error : {ENFILE, ENOBUFS, ENOMEM}) {
        server.faults(Point::accept).arm(error, 0, failures);
        BOOST_TEST(server.ask("patience") == "patience\n");
        BOOST_TEST(server.faults(Point::accept).disarm() == failures);
        waited += failures;
    }
    BOOST_TEST(server.count("accept_errors") == waited);
    BOOST_TEST(occurrences(server.stop(), "waiting for some to be given back") >= 1U);
    return std::to_string(waited) + " failures of accept, 3 clients served";
}

FAULT_CASE(3, a_connection_that_ends_lets_the_next_be_accepted_at_once, several_at_a_time) {
    constexpr auto longest_pause = 50ms;
    constexpr long until_longest = 8;
    FaultServer server(mode.with_one_worker(), {"--quiet"});
    Injection& accepts = server.faults(Point::accept);
    const auto fails_again = [&accepts](long times) {
        const long before = accepts.failed;
        return eventually([&] { return accepts.failed >= before + times; });
    };
    // On a machine that is too busy the end of a connection may be seen later than that of the pause.
    const auto ended_pauses = [&] {
        auto held = server.served_clients(8);
        accepts.arm(EMFILE, 0, std::numeric_limits<long>::max());
        Client waiting = server.connect();
        waiting.send("waiting\n");
        BOOST_TEST_REQUIRE(fails_again(until_longest));
        accepts.forget_gaps();
        BOOST_TEST_REQUIRE(fails_again(3));
        BOOST_TEST(!accepts.failed_twice_within(longest_pause));
        for (; !held.empty() && !accepts.failed_twice_within(longest_pause); held.pop_back())
            BOOST_TEST_REQUIRE(fails_again(1));  // the next pause has just begun
        BOOST_TEST_REQUIRE(fails_again(1));
        const bool ended = accepts.failed_twice_within(longest_pause);
        accepts.disarm();
        BOOST_TEST(waiting.read_line() == "waiting\n");
        return ended;
    };
    BOOST_TEST(eventually(ended_pauses));
    return "pauses of 50 ms, ended by the end of a connection";
}

FAULT_CASE(4, connections_reset_before_they_are_accepted_are_passed_over, every_mode) {
    constexpr int resets = 20;
    FaultServer server(mode);
    server.faults(Point::accept).arm(ECONNABORTED, 0, resets);
    BOOST_TEST(server.ask("first") == "first\n");
    // Linux hands such a connection out all the same; other systems do not.
    for (const pid_t process : server.accepting())
        ::kill(process, SIGSTOP);
    for (int i = 0; i < resets; ++i)
        server.connect().reset();
    for (const pid_t process : server.accepting())
        ::kill(process, SIGCONT);
    BOOST_TEST(server.ask("next") == "next\n");
    for (int i = 0; server.faults(Point::accept).failed < resets && i < resets; ++i)
        BOOST_TEST(server.ask("more") == "more\n");
    BOOST_TEST(server.faults(Point::accept).disarm() == resets);
    BOOST_TEST(server.count("accept_errors") == 0);
    const std::string log = server.stop();
    BOOST_TEST(occurrences(log, "\n") == occurrences(log, "request from "));
    return std::to_string(resets) + " ECONNABORTED, " + std::to_string(resets) +
           " resets in the queue, no word of accept";
}

namespace {

/// Who has no other processes, so that a limit of one leaves none for more: nobody's number, each time another.
uid_t next_user() {
    static uid_t user = 54321;
    return user++;
}

/// Says how many processes and threads the user of a server may have from now on.
void limit_processes(pid_t process, uid_t user, rlim_t most) {
    // As that user, since root may not do it everywhere.
    const int status = in_child([&] {
        rlimit limit{};
        if (::geteuid() == 0 && (::setresgid(user, user, user) != 0 || ::setresuid(user, user, user) != 0))
            return 1;
        if (::prlimit(process, RLIMIT_NPROC, nullptr, &limit) != 0)
            return 2;
        limit.rlim_cur = std::min(most, limit.rlim_max);
        return ::prlimit(process, RLIMIT_NPROC, &limit, nullptr) == 0 ? 0 : 3;
    });
    BOOST_TEST_REQUIRE(status == 0);
}

}  // namespace

FAULT_CASE(11, a_fork_that_fails_costs_one_client, forking_mode) {
    constexpr int clients = 10;
    const uid_t user = next_user();
    FaultServer server(mode, {}, {{user_variable, std::to_string(user)}});
    BOOST_TEST(server.ask("before") == "before\n");
    BOOST_TEST(eventually([&] { return children_of(server.pid()).empty(); }));
    const auto descriptors = descriptors_of(server.pid()).size();
    limit_processes(server.pid(), user, 1);
    for (int i = 0; i < clients; ++i)
        BOOST_TEST(server.ask("during") == "");
    limit_processes(server.pid(), user, RLIM_INFINITY);
    BOOST_TEST(server.ask("after") == "after\n");
    BOOST_TEST(eventually([&] { return children_of(server.pid()).empty(); }));
    BOOST_TEST(eventually([&] { return descriptors_of(server.pid()).size() == descriptors; }));
    BOOST_TEST(occurrences(server.stop(), "fork") == static_cast<std::size_t>(clients));
    return std::to_string(clients) + " forks failed, as many clients were closed; no descriptor left";
}

FAULT_CASE(11, a_worker_that_cannot_be_forked_is_tried_again, preforking_modes) {
    const uid_t user = next_user();
    FaultServer server(mode.with_one_worker(), {}, {{user_variable, std::to_string(user)}});
    const pid_t first = server.accepting().front();
    limit_processes(server.pid(), user, 1);
    ::kill(first, SIGKILL);
    std::string message = server.next_message();
    while (message.find("no worker can be started: fork") == std::string::npos && !message.empty())
        message = server.next_message();
    BOOST_TEST(!message.empty());
    limit_processes(server.pid(), user, RLIM_INFINITY);
    BOOST_TEST(server.ask("after") == "after\n");
    BOOST_TEST(server.accepting().size() == 1U);
    return "the only worker killed, its replacement refused at first: the next client is served";
}

FAULT_CASE(12, a_thread_that_cannot_be_made_defers_clients, modes_of_all_threads) {
    constexpr int count = 8;
    // A pool has all its threads from the beginning, others when clients come.
    const bool is_pool = mode.name == "thread-pool";
    const uid_t user = next_user();
    std::vector<std::pair<std::string, std::string>> environment{{user_variable, std::to_string(user)}};
    if (is_pool)
        environment.emplace_back(processes_variable, time_factor > 1 ? "4" : "3");  // a sanitizer has one of its own
    FaultServer server(mode.with_one_worker(), {}, environment);
    const pid_t process = server.accepting().front();
    const auto descriptors = descriptors_of(process).size();
    if (!is_pool)
        limit_processes(process, user, 1);
    std::vector<Client> clients = waiting_clients(server, count);
    BOOST_TEST(server.next_message().find("cannot make a thread") != std::string::npos);
    limit_processes(process, user, RLIM_INFINITY);
    for (int i = 0; i < count; ++i)
        BOOST_TEST(clients[static_cast<std::size_t>(i)].read_line() == "client " + std::to_string(i) + '\n');
    clients.clear();
    BOOST_TEST(eventually([&] { return descriptors_of(process).size() == descriptors; }));
    BOOST_TEST(server.stop() == "");
    return std::to_string(count) + " clients waited for threads, all were served";
}

FAULT_CASE(14, a_stack_that_cannot_be_mapped_defers_clients, modes_of_fibers) {
    FaultServer server(mode.with_one_worker());
    const pid_t process = server.accepting().front();
    const auto descriptors = descriptors_of(process).size();
    BOOST_TEST(server.ask("before") == "before\n");  // the first stacks are there
    Injection& mapping = server.faults(Point::mapping);
    mapping.arm(ENOMEM, 0, 1'000'000);  // more than there can be
    // Stacks are mapped several at a time: until none is left of those that there are.
    std::vector<Client> held;
    const auto deferred = [&](Client& client) {
        BOOST_TEST(eventually([&] { return !client.nothing_within(10ms) || mapping.failed > 0; }));
        return client.nothing_within(50ms);
    };
    do {
        held.push_back(server.connect());
        held.back().send("hello\n");
    } while (!deferred(held.back()));
    BOOST_TEST(server.next_message().find("Cannot allocate memory") != std::string::npos);
    Client late = std::move(held.back());
    held.pop_back();
    held.front().close();  // which gives back a stack
    BOOST_TEST(late.read_line() == "hello\n");
    mapping.disarm();
    BOOST_TEST(server.ask("after") == "after\n");
    const std::string served = std::to_string(held.size());
    held.clear();
    late.close();
    BOOST_TEST(eventually([&] { return descriptors_of(process).size() == descriptors; }));
    return "no stack to be had: " + served +
           " clients served with those there were, one more waited until one of them had ended; told in the log";
}

FAULT_CASE(23, one_client_more_than_the_limit_is_served_when_one_ends, several_at_a_time) {
    constexpr int limit = 4;
    const char* const option = mode.name == "thread-pool" ? "--workers" : "--max-connections";
    FaultServer server(mode.with_one_worker(), {option, std::to_string(limit)});
    std::vector<Client> clients = waiting_clients(server, 2 * limit);
    for (int i = 0; i < limit; ++i)
        BOOST_TEST(clients[static_cast<std::size_t>(i)].read_line() == "client " + std::to_string(i) + '\n');
    BOOST_TEST(FaultServer::count(clients.front(), "accepted") == limit);
    BOOST_TEST(clients[limit].nothing_within(50ms));
    for (int i = 0; i < limit; ++i) {
        clients[static_cast<std::size_t>(i)].close();
        BOOST_TEST(clients[static_cast<std::size_t>(limit + i)].read_line() ==
                   "client " + std::to_string(limit + i) + '\n');
    }
    BOOST_TEST(FaultServer::count(clients.back(), "rejected") == 0);
    return "limit " + std::to_string(limit) + ": as many more waited, and were served one by one";
}

namespace {

/// A client at another address of this machine.
Client client_at(const char* address, std::uint16_t port) {
    detail::ClientSocket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in own{};
    own.sin_family = AF_INET;
    ::inet_pton(AF_INET, address, &own.sin_addr);
    sockaddr_in server = own;
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.sin_port = htons(port);
    BOOST_TEST_REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0);
    BOOST_TEST_REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0);
    return Client(socket.release());
}

}  // namespace

FAULT_CASE(23, one_client_more_of_an_address_is_closed_and_counted, several_at_a_time) {
    constexpr int limit = 4;
    FaultServer server(mode.with_one_worker(), {"--max-per-address", std::to_string(limit)});
    std::vector<Client> clients = server.served_clients(limit);
    for (int i = 0; i < limit; ++i)
        BOOST_TEST(server.ask("one too many") == "");
    BOOST_TEST(FaultServer::count(clients.front(), "rejected") == limit);
    Client elsewhere = client_at("127.0.0.2", server.program().port());
    elsewhere.send("another address\n");
    BOOST_TEST(elsewhere.read_line() == "another address\n");
    clients.pop_back();
    BOOST_TEST(eventually([&] { return server.ask("a place is free") == "a place is free\n"; }));
    for (Client& client : clients) {
        client.send("still\n");
        BOOST_TEST(client.read_line() == "still\n");
    }
    return "limit " + std::to_string(limit) +
           " an address: as many more closed and counted, one of another address served, and the next once one had "
           "ended";
}

}  // namespace socketserver::test
