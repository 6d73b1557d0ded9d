// Scenarios 15 to 18, 24 to 27, 35 and 36: processes, threads, and their ends.

#include "fault_case.hpp"
#include "fault_server.hpp"
#include "process.hpp"

#include <support/children.hpp>
#include <support/eventually.hpp>
#include <support/time_factor.hpp>

#include <boost/test/unit_test.hpp>

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace socketserver::test {

namespace {

/// What a server and its workers hold.
struct Held {
    std::size_t descriptors = 0;
    std::size_t threads = 0;
    std::size_t children = 0;
    long memory = 0;

    static Held by(const FaultServer& server) {
        Held held;
        std::vector<pid_t> processes = server.accepting();
        if (processes.front() != server.pid())
            processes.push_back(server.pid());
        for (const pid_t process : processes) {
            held.descriptors += descriptors_of(process).size();
            held.threads += threads_of(process);
            held.children += children_of(process).size();
            held.memory += memory_of(process);
        }
        return held;
    }
};

/// Whether a port can be listened on.
bool is_free(std::uint16_t port) {
    const detail::ClientSocket probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
           ::listen(probe.get(), 1) == 0;
}

/// How requests of a client end that makes a connection for each.
struct Replies {
    std::atomic<int> whole{0};
    std::atomic<int> cut{0};   // some of the reply came
    std::atomic<int> lost{0};  // the connection was accepted and ended in order, without a reply
};

/// Asks again and again for a reply of that many bytes, until there is none.
void ask_on(const FaultServer& server, Replies& replies, std::size_t size) {
    const std::string end = "xwritten\n";
    bool answered = true;
    while (answered) {
        std::string reply;
        bool in_order = false;
        const auto begin = std::chrono::steady_clock::now();
        auto asked = begin;
        try {
            Client client = server.connect();
            client.send("write " + std::to_string(size) + '\n');
            asked = std::chrono::steady_clock::now();
            client.half_close();
            std::string piece = client.read_some();
            for (; !piece.empty(); piece = client.read_some())
                reply += piece;
            in_order = true;
        } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): what came tells
        }
        answered = reply.size() == size + end.size() - 1 && reply.ends_with(end);
        // A request that comes late may find its connection given up: see ServerOptions::first_input_grace.
        constexpr std::chrono::milliseconds late{250};
        if (answered)
            ++replies.whole;
        else if (!reply.empty())
            ++replies.cut;
        else if (in_order && asked - begin < late)
            ++replies.lost;
    }
}

}  // namespace

FAULT_CASE(15, forked_requests_leave_no_zombie, forking_mode) {
    const int requests = load(500, 10'000);
    FaultServer server(mode, {"--quiet"});
    for (int i = 0; i < requests; ++i) {
        BOOST_TEST_REQUIRE(server.ask("hello") == "hello\n");
        if (i % 100 == 0)
            BOOST_TEST(eventually([&] { return zombies_of(server.pid()) == 0; }));
    }
    BOOST_TEST(eventually([&] { return children_of(server.pid()).empty(); }));
    return grouped(requests) + " requests, 0 zombies, during and after";
}

FAULT_CASE(16, children_that_end_at_once_are_all_reaped, forking_mode) {
    constexpr int count = 100;
    const int rounds = load(2, 50);
    FaultServer server(mode, {"--quiet", "--max-connections", std::to_string(count)});
    const auto descriptors = descriptors_of(server.pid()).size();
    for (int round = 0; round < rounds; ++round) {
        auto clients = server.served_clients(count);
        const auto children = children_of(server.pid());
        BOOST_TEST(children.size() == static_cast<std::size_t>(count));
        ::kill(server.pid(), SIGSTOP);
        clients.clear();
        // While the parent cannot reap them, they are all there.
        BOOST_TEST(eventually([&] { return zombies_of(server.pid()) == static_cast<std::size_t>(count); }));
        ::kill(server.pid(), SIGCONT);
        BOOST_TEST(eventually([&] { return children_of(server.pid()).empty(); }));
    }
    BOOST_TEST(eventually([&] { return descriptors_of(server.pid()).size() == descriptors; }));
    return grouped(rounds) + " times " + std::to_string(count) + " zombies at once, all reaped";
}

FAULT_CASE(17, threads_that_have_served_are_released, modes_of_threads) {
    const int rounds = load(5, 1'000);
    constexpr int at_once = 100;
    constexpr int in_all = 32;  // that stay, in either mode
    FaultServer server(mode, {"--quiet"});
    std::size_t most = 0;
    for (int round = 0; round < rounds; ++round) {
        if (mode.name == "thread-pool") {
            for (int i = 0; i < at_once; ++i)
                BOOST_TEST_REQUIRE(server.ask("here") == "here\n");
        } else {
            const auto clients = server.served_clients(at_once);
            most = std::max(most, threads_of(server.pid()));
        }
    }
    constexpr int others = 4;  // the first one, the one that waits for signals, a leader, a sanitizer's
    BOOST_TEST(eventually([&] { return threads_of(server.pid()) <= static_cast<std::size_t>(in_all + others); }));
    return grouped(static_cast<long>(rounds) * at_once) + " connections, " +
           (most == 0 ? std::string() : "at least " + std::to_string(at_once) + " threads at once, ") +
           "no more than those to spare in the end";
}

FAULT_CASE(18, silent_clients_do_not_keep_a_server_beyond_its_drain, every_mode) {
    FaultServer server(mode, {"--quiet", "--drain", "0.2"});
    Client sleeping = server.connect();
    sleeping.send("sleep\n");
    BOOST_TEST(sleeping.read_line() == "sleeping\n");
    std::vector<Client> silent;
    for (int i = 0; i < 10; ++i)
        silent.push_back(server.connect());
    if (!mode.one_at_a_time) {
        silent.push_back(server.connect());
        silent.back().send("half a li");
        auto live = server.served_clients(5);
        std::move(live.begin(), live.end(), std::back_inserter(silent));
    }
    const std::string said = server.stop();
    BOOST_TEST(said.find("exit") == std::string::npos);
    return "a sleeping handler, silent clients and live ones: exit 0 when the time to drain is up";
}

FAULT_CASE(24, sigterm_under_load_loses_no_accepted_request, every_mode) {
    const int rounds = load(2, 20);
    // Of long replies there are some in the middle at any time; of shorter ones there can be 2,000 a second.
    const auto size = static_cast<std::size_t>(load(200'000, 20'000));
    const int some = load(20, 2'000);
    int requests = 0;
    double rate = std::numeric_limits<double>::max();
    for (int round = 0; round < rounds; ++round) {
        FaultServer server(mode, {"--quiet", "--drain", "3600"});
        auto idle = server.served_clients(mode.one_at_a_time ? 0 : 5);
        Replies replies;
        std::vector<std::thread> clients;
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < 4; ++i)
            clients.emplace_back([&server, &replies, size] { ask_on(server, replies, size); });
        const bool under_way = eventually([&] { return replies.whole >= some; });
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
        rate = std::min(rate, replies.whole / time.count());
        server.program().signal(SIGTERM);
        for (Client& client : idle)
            BOOST_TEST(client.read_all() == "");
        for (std::thread& client : clients)
            client.join();
        BOOST_TEST(under_way);
        BOOST_TEST(replies.cut == 0);
        BOOST_TEST(replies.lost == 0);
        requests += replies.whole;
        server.leave_it();
        BOOST_TEST(server.program().error() == "");
        BOOST_TEST(server.program().wait() == 0);
    }
    BOOST_TEST(requests > 0);
    const std::string during =
        loads_are_full() ? "during " + grouped(std::min(std::lround(rate), 2'000L)) + " requests a second or more"
                         : "between requests";
    return std::to_string(rounds) + " times SIGTERM " + during +
           " of 4 clients: each reply was whole, idle connections ended at once, exit 0";
}

FAULT_CASE(25, killed_workers_are_replaced_under_load, preforking_modes) {
    // One that is killed young is replaced after longer and longer pauses, so that a hundred take minutes.
    const int kills = load(8, 100);
    FaultServer server(mode, {"--quiet"});
    const auto descriptors = descriptors_of(server.pid()).size();
    int served = 0;
    int cut = 0;
    for (int i = 0; i < kills; ++i) {
        const auto before = server.accepting();
        const pid_t victim = before[static_cast<std::size_t>(i) % before.size()];
        ::kill(victim, SIGKILL);
        // Requests go on meanwhile; only those of the victim itself may end.
        for (int request = 0; request < 10; ++request)
            ++(server.ask("hello") == "hello\n" ? served : cut);
        BOOST_TEST(eventually([&] {
            const auto now = server.accepting();
            return now.size() == static_cast<std::size_t>(mode.workers) &&
                   std::find(now.begin(), now.end(), victim) == now.end();
        }));
    }
    BOOST_TEST(cut <= kills);
    BOOST_TEST(served + cut == 10 * kills);
    BOOST_TEST(eventually([&] { return descriptors_of(server.pid()).size() == descriptors; }));
    return std::to_string(kills) + " workers killed during " + grouped(10L * kills) +
           " requests: all replaced, at most one request lost for each, the parent's descriptors as before";
}

FAULT_CASE(26, signals_are_no_business_of_handlers, every_mode) {
    const int rounds = load(3, 20);
    for (int round = 0; round < rounds; ++round) {
        FaultServer server(mode, {"--quiet"});
        // Ended children are told of by a descriptor. What the other two do is safe wherever they come.
        BOOST_TEST(!catches(server.pid(), SIGCHLD));
        if (mode.one_at_a_time) {
            BOOST_TEST(server.ask("hello") == "hello\n");
            BOOST_TEST(server.stop() == "");
            continue;
        }
        auto clients = server.served_clients(10);
        // In the middle of a reply, for which memory is needed all the time.
        for (Client& client : clients)
            client.send("write 1000000\n");
        server.program().signal(SIGTERM);
        for (Client& client : clients) {
            const std::string reply = client.read_all();
            BOOST_TEST(reply.ends_with("xwritten\n") == !reply.empty());
        }
        server.leave_it();
        BOOST_TEST(server.program().error() == "");
        BOOST_TEST(server.program().wait() == 0);
    }
    return std::to_string(rounds) + " times SIGTERM in the middle of replies: none was cut";
}

FAULT_CASE(27, a_server_is_after_many_connections_what_it_was_before, every_mode) {
    const int connections = load(1'000, mode.forks ? 10'000 : 100'000);
    FaultServer server(mode, {"--quiet"});
    const Held first = Held::by(server);
    const auto churn = [&](int count) {
        for (int i = 0; i < count; ++i)
            BOOST_TEST_REQUIRE(server.ask("hello") == "hello\n");
    };
    // As many threads as may stay, so that the second half needs no more.
    if (!mode.one_at_a_time)
        static_cast<void>(server.served_clients(30));
    churn(connections / 2);
    const Held before = Held::by(server);
    churn(connections - connections / 2);
    Held after;
    const bool same = eventually([&] {
        after = Held::by(server);
        return after.descriptors == first.descriptors && after.children == first.children;
    });
    BOOST_TEST(same);
    BOOST_TEST(eventually([&] { return server.count("active") == 1; }));  // who asks
    constexpr std::size_t spare = 32;
    BOOST_TEST((mode.has_threads ? after.threads <= first.threads + spare * server.accepting().size()
                                 : after.threads == first.threads));
    // A sanitizer keeps what was freed. So few connections as CI has may not have brought all to their bound.
    const long little = loads_are_full() ? 0 : 512L * 1024;
    const long more = std::max(0L, after.memory - before.memory);
    BOOST_TEST((time_factor > 1 || more <= std::max(before.memory / 50, little)));
    const auto inherited = inheritable_descriptors_of(::getpid());
    for (const pid_t process : server.accepting())
        BOOST_TEST(inheritable_descriptors_of(process) == inherited, boost::test_tools::per_element());
    return grouped(connections) +
           " connections: descriptors, children and fibers as before, no more threads than may stay, " +
           grouped(more / 1024) + " KiB more memory than after the first half" +
           (more > 0 && loads_are_full() ? " (" + grouped(before.memory / 1024) + " KiB)" : std::string()) +
           "; all close-on-exec";
}

FAULT_CASE(35, nobody_holds_the_port_when_the_parent_is_killed, modes_of_children) {
    FaultServer server(mode);
    server.leave_it();
    auto clients = server.served_clients(2);
    const auto children = children_of(server.pid());
    BOOST_TEST(!children.empty());
    const std::uint16_t port = server.program().port();
    server.program().signal(SIGKILL);
    BOOST_TEST(server.program().wait() == -SIGKILL);
    BOOST_TEST(eventually([&] { return is_free(port); }));
    if (mode.forks) {
        // They finish what they have begun.
        for (Client& client : clients) {
            client.send("still\n");
            BOOST_TEST(client.read_line() == "still\n");
        }
        clients.clear();
    }
    BOOST_TEST(eventually([&] { return std::none_of(children.begin(), children.end(), is_running); }));
    return mode.forks ? "2 children finish and leave, the port is free" : "the workers leave, the port is free";
}

FAULT_CASE(36, ctrl_c_lets_running_requests_end, every_mode) {
    FaultServer server(mode, {"--quiet", "--drain", "3600"}, {}, {"sh", "-c", R"(exec setsid "$0" "$@")"});
    Client client = server.connect();
    client.send("write 20000000\n");
    BOOST_TEST(client.read_exactly(1) == "x");
    // As a terminal does: to the whole process group, children included.
    ::kill(-server.pid(), SIGINT);
    const std::string rest = client.read_all();
    BOOST_TEST(rest.size() == 20'000'000 - 1 + std::string("written\n").size());
    BOOST_TEST(rest.ends_with("xwritten\n"));
    server.leave_it();
    BOOST_TEST(server.program().error() == "");
    BOOST_TEST(server.program().wait() == 0);
    return "SIGINT to the process group in the middle of a reply of 20 MB: it is whole, exit 0";
}

}  // namespace socketserver::test
