#include <socketserver/socketserver.hpp>

#include <support/case_guard.hpp>
#include <support/clients.hpp>
#include <support/eventually.hpp>
#include <support/served.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <ostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <poll.h>

// A server whose requests are served by several loops, each in a thread of its own.

namespace socketserver {

static std::ostream& boost_test_print_type(std::ostream& out, SelectorKind kind) {
    return out << to_string(kind);
}

namespace {

using test::CaseGuard;
using test::Client;
using test::DatagramClient;
using test::eventually;
using test::Running;

const Address loopback("127.0.0.1", 0);
constexpr std::array every_selector{SelectorKind::epoll, SelectorKind::poll, SelectorKind::select};

// What the handlers of a server share.
struct Shared {
    std::mutex mutex;
    std::multiset<std::thread::id> threads;  // of the handlers that have come; guarded by mutex
    Wakeup gate;                             // lets them go on
    std::function<void()> then = [] {};      // what they do next
    std::function<void()> service_actions;

    std::size_t handlers() {
        const std::lock_guard lock(mutex);
        return threads.size();
    }

    // Holds up the thread by a system call that the library does not know of.
    void hold_up() {
        {
            const std::lock_guard lock(mutex);
            threads.insert(std::this_thread::get_id());
        }
        pollfd entry{gate.fd(), POLLIN, 0};
        while (::poll(&entry, 1, -1) < 0 && errno == EINTR) {
        }
    }
};

// Keeps its whole thread waiting until the gate is open, then answers.
template <class Base>
class Holding : public Base {
public:
    template <class Request>
    Holding(Request& the_request, const Address& client, ServerContext& the_server, Shared& shared)
        : Base(the_request, client, the_server), shared_(shared) {}

    void handle() override {
        const auto line = this->rfile.read_line();
        shared_.hold_up();
        shared_.then();
        this->wfile << *line << '\n';
    }

private:
    Shared& shared_;
};

template <class Base>
class WithActions : public Base {
public:
    WithActions(const Address& where, ServerOptions options, Shared& shared)
        : Base(where, std::move(options), shared), shared_(shared) {}
    ~WithActions() override { this->server_close(); }

protected:
    void service_actions() override {
        if (shared_.service_actions)
            shared_.service_actions();
    }

private:
    Shared& shared_;
};

using StreamServerUnderTest = WithActions<TCPServer<Holding<StreamRequestHandler>, Selecting>>;
using DatagramServerUnderTest = WithActions<UDPServer<Holding<DatagramRequestHandler>, Selecting>>;

ServerOptions with_workers(std::size_t workers, SelectorKind selector = SelectorKind::epoll) {
    return {.selecting = {.selector = selector, .threads = workers}, .logger = nullptr};
}

// Clients, each of which holds up one thread of the server.
template <class Client>
std::vector<Client> hold_up(std::uint16_t port, Shared& shared, std::size_t count) {
    std::vector<Client> clients;
    for (std::size_t i = 0; i < count; ++i) {
        clients.emplace_back("127.0.0.1", port);
        clients.back().send("client " + std::to_string(i) + '\n');
        BOOST_TEST(eventually([&] { return shared.handlers() == i + 1; }));
    }
    return clients;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(selecting_workers, CaseGuard)

BOOST_DATA_TEST_CASE(a_handler_that_holds_up_its_thread_leaves_the_others_to_other_clients, every_selector) {
    constexpr std::size_t workers = 3;
    Shared shared;
    Running<StreamServerUnderTest> serving(with_workers(workers, sample), shared);
    auto clients = hold_up<Client>(serving.port(), shared, workers);
    const std::set<std::thread::id> threads(shared.threads.begin(), shared.threads.end());
    BOOST_TEST(threads.size() == workers);
    BOOST_TEST(threads.contains(serving.thread.id()));
    // Nobody is left to serve this one until the gate opens.
    Client late("127.0.0.1", serving.port());
    late.send("late\n");
    shared.gate.notify();
    for (std::size_t i = 0; i < workers; ++i)
        BOOST_TEST(clients[i].read_line() == "client " + std::to_string(i) + '\n');
    BOOST_TEST(late.read_line() == "late\n");
    serving.stop();
    BOOST_TEST(serving.statistics().handled == workers + 1);
}

BOOST_DATA_TEST_CASE(datagrams_are_served_in_all_threads, every_selector) {
    constexpr std::size_t workers = 3;
    Shared shared;
    Running<DatagramServerUnderTest> serving(with_workers(workers, sample), shared);
    auto clients = hold_up<DatagramClient>(serving.port(), shared, workers);
    const std::set<std::thread::id> threads(shared.threads.begin(), shared.threads.end());
    BOOST_TEST(threads.size() == workers);
    shared.gate.notify();
    for (std::size_t i = 0; i < workers; ++i)
        BOOST_TEST(clients[i].receive() == "client " + std::to_string(i) + '\n');
}

BOOST_AUTO_TEST_CASE(the_bound_on_requests_is_one_for_all_threads_and_nobody_starves_at_it) {
    Shared shared;
    std::atomic<int> running{0};
    std::atomic<int> most{0};
    shared.gate.notify();
    shared.then = [&] {
        const int now = ++running;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        sleep_for(std::chrono::milliseconds{1});
        --running;
    };
    ServerOptions options = with_workers(3);
    options.selecting.max_requests = 2;
    Running<StreamServerUnderTest> serving(std::move(options), shared);
    for (int round = 0; round < 20; ++round) {
        std::vector<Client> clients;
        for (int i = 0; i < 10; ++i) {
            clients.emplace_back("127.0.0.1", serving.port());
            clients.back().send("hello\n");
        }
        for (Client& client : clients)
            BOOST_TEST(client.read_line() == "hello\n");
    }
    BOOST_TEST(most <= 2);
}

BOOST_AUTO_TEST_CASE(what_ends_one_thread_ends_all_and_comes_out_of_serve_forever) {
    Shared shared;
    std::atomic<std::thread::id> main_thread{};
    shared.then = [&] {
        if (std::this_thread::get_id() != main_thread)
            throw SystemExit{7};
    };
    Running<StreamServerUnderTest> serving(with_workers(2), shared);
    main_thread = serving.thread.id();
    const auto clients = hold_up<Client>(serving.port(), shared, 2);
    BOOST_TEST(clients.size() == 2U);
    shared.gate.notify();
    const auto thrown = serving.thread.join();
    BOOST_TEST_REQUIRE(bool(thrown));
    BOOST_CHECK_EXCEPTION(std::rethrow_exception(thrown), SystemExit,
                          [](const SystemExit& exit) { return exit.status == 7; });
    BOOST_TEST(serving.statistics().active == 0U);
}

// The lines are there before anything is accepted, so each thread's first request holds it up, and the hook is called after that.
BOOST_AUTO_TEST_CASE(a_hook_can_shut_the_server_down_in_any_thread) {
    Shared shared;
    StreamServerUnderTest server(loopback, with_workers(2), shared);
    std::vector<Client> clients;
    for (const std::string line : {"client 0\n", "client 1\n"}) {
        clients.emplace_back("127.0.0.1", server.server_address().port());
        clients.back().send(line);
    }
    std::atomic<std::thread::id> main_thread{};
    std::atomic<int> shutdowns{0};
    shared.service_actions = [&] {
        if (std::this_thread::get_id() == main_thread)
            return;
        server.shutdown();
        ++shutdowns;
    };
    std::thread serving([&] {
        main_thread = std::this_thread::get_id();
        server.serve_forever(std::chrono::hours{1});
    });
    BOOST_TEST(eventually([&] { return shared.handlers() == clients.size(); }));
    shared.gate.notify();
    serving.join();
    BOOST_TEST(shutdowns == 1);
    for (std::size_t i = 0; i < clients.size(); ++i)
        BOOST_TEST(clients[i].read_line() == "client " + std::to_string(i) + '\n');
}

BOOST_AUTO_TEST_CASE(a_shutdown_reaches_idle_connections_of_all_threads) {
    constexpr std::size_t workers = 3;
    Shared shared;
    shared.then = [] { Waiter::current().sleep_until(Deadline::never()); };
    ServerOptions options = with_workers(workers);
    options.drain = std::chrono::milliseconds{1};
    Running<StreamServerUnderTest> serving(std::move(options), shared);
    auto clients = hold_up<Client>(serving.port(), shared, workers);
    shared.gate.notify();
    serving.stop();
    BOOST_TEST(serving.statistics().active == 0U);
}

BOOST_AUTO_TEST_CASE(handle_request_uses_the_calling_thread) {
    Shared shared;
    shared.gate.notify();
    StreamServerUnderTest server(loopback, with_workers(3), shared);
    Client client("127.0.0.1", server.server_address().port());
    client.send("hello\n");
    server.handle_request();
    BOOST_TEST(client.read_line() == "hello\n");
    BOOST_TEST((*shared.threads.begin() == std::this_thread::get_id()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver
