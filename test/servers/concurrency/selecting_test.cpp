#include <socketserver/socketserver.hpp>

#include <support/case_guard.hpp>
#include <support/clients.hpp>
#include <support/forked.hpp>
#include <support/readable.hpp>
#include <support/rlimit.hpp>
#include <support/served.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

// What only a server whose handlers run on fibers has to show.

namespace socketserver {

static std::ostream& boost_test_print_type(std::ostream& out, SelectorKind kind) {
    return out << to_string(kind);
}

namespace {

using namespace std::chrono_literals;
using test::CaseGuard;
using test::Client;
using test::Running;
using test::Served;

constexpr std::array every_selector{SelectorKind::epoll, SelectorKind::poll, SelectorKind::select};

ServerOptions waiting_by(SelectorKind selector) {
    return {.selecting = {.selector = selector}, .logger = nullptr};
}

// What the handlers of a server share.
struct Shared {
    Address backend;
    mutex guard;
    int holders = 0;
};

// `ping` is answered at once. Any other word is thrown as an exception; while that is being handled the handler asks
// another server about the word, sleeps, and holds a lock over it all; then it throws the exception on, and
// answers with what it says and what the other server said.
class Busy : public StreamRequestHandler {
public:
    Busy(Socket& the_request, const Address& client, ServerContext& the_server, Shared& shared)
        : StreamRequestHandler(the_request, client, the_server), shared_(shared) {}

    void handle() override {
        while (const auto line = rfile.read_line()) {
            const std::string word(*line);
            if (word == "ping")
                wfile << "pong\n";
            else
                work(word);
        }
    }

private:
    void work(const std::string& word) {
        std::string said;
        try {
            try {
                throw std::runtime_error(word);
            } catch (const std::exception&) {
                said = ask(word);
                sleep_for(1ms);
                throw;
            }
        } catch (const std::exception& error) {
            wfile << error.what() << ' ' << said << '\n';
        }
    }

    std::string ask(const std::string& word) {
        Socket other = create_connection(shared_.backend);
        other.sendall(word + "\n");
        BufferedReader answer(other);
        return std::string(answer.read_line().value_or("nothing"));
    }

    Shared& shared_;
};

// Each line under a lock that is held across waits: at most one handler at a time holds it.
class Locking : public StreamRequestHandler {
public:
    Locking(Socket& the_request, const Address& client, ServerContext& the_server, Shared& shared)
        : StreamRequestHandler(the_request, client, the_server), shared_(shared) {}

    void handle() override {
        while (rfile.read_line()) {
            const std::lock_guard lock(shared_.guard);
            const int holders = ++shared_.holders;
            sleep_for(1ms);
            --shared_.holders;
            wfile << holders << '\n';
            wfile.flush();
        }
    }

private:
    Shared& shared_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(selecting, CaseGuard)

BOOST_DATA_TEST_CASE(others_are_served_while_handlers_wait_inside_catch_blocks_for_another_server, every_selector) {
    Socket listener = create_server(Address("127.0.0.1", 0));
    listener.settimeout(10s);
    Shared shared;
    shared.backend = listener.getsockname();
    Served<Busy, Selecting> serving(waiting_by(sample), shared);

    std::vector<Client> workers;
    std::vector<Socket> questions;
    for (const std::string word : {"alpha", "beta", "gamma"}) {
        workers.push_back(serving.connect());
        workers.back().send(word + "\n");
        questions.push_back(listener.accept().first);
    }
    // All three wait for us now.
    Client other = serving.connect();
    for (int i = 0; i < 10; ++i) {
        other.send("ping\n");
        BOOST_TEST(other.read_line() == "pong\n");
    }
    // Answered in the other order than they asked in.
    for (std::size_t i = questions.size(); i-- > 0;) {
        BufferedReader question(questions[i]);
        const std::string word(question.read_line().value_or(""));
        questions[i].sendall("said-" + word + "\n");
        BOOST_TEST(workers[i].read_line() == word + " said-" + word + "\n");
    }
}

BOOST_DATA_TEST_CASE(a_lock_held_across_waits_stops_nobody_who_does_not_want_it, every_selector) {
    Shared shared;
    Served<Locking, Selecting> serving(waiting_by(sample), shared);
    std::vector<Client> clients;
    for (int i = 0; i < 5; ++i)
        clients.push_back(serving.connect());
    for (Client& client : clients)
        client.send("one\ntwo\n");
    for (Client& client : clients) {
        BOOST_TEST(client.read_line() == "1\n");
        BOOST_TEST(client.read_line() == "1\n");
    }
}

BOOST_AUTO_TEST_CASE(requests_that_a_hook_brings_are_served) {
    class Bringing : public StreamServer {
    public:
        using StreamServer::StreamServer;
        std::vector<Socket> brought;  // before it serves

    protected:
        void service_actions() override {
            for (Socket& each : std::exchange(brought, {}))
                process_request(std::move(each), Address("127.0.0.1", 9));
        }
    };
    struct Greeting : StreamRequestHandler {
        using StreamRequestHandler::StreamRequestHandler;
        void handle() override { wfile << "hello\n"; }
    };
    detail::HandlerServer<Greeting, SelectingMixIn<Bringing>> server(Address("127.0.0.1", 0), {});
    auto [first, first_served] = socketpair();
    auto [second, second_served] = socketpair();
    server.brought.push_back(std::move(first_served));
    server.brought.push_back(std::move(second_served));
    std::thread thread([&] { server.serve_forever(); });
    BOOST_TEST(Client(first.detach()).read_line() == "hello\n");
    BOOST_TEST(Client(second.detach()).read_line() == "hello\n");
    Client third("127.0.0.1", server.server_address().port());
    BOOST_TEST(third.read_line() == "hello\n");
    server.shutdown();
    thread.join();
    BOOST_TEST(server.statistics().handled == 3U);
}

BOOST_AUTO_TEST_CASE(connections_wait_while_select_has_no_descriptor_for_them) {
    struct Returning : Protocol {
        using Protocol::Protocol;
        void data_received(std::string_view data) override { transport.write(data); }
    };
    const test::ScopedRlimit more_than_select_takes(RLIMIT_NOFILE, FD_SETSIZE + 100);
    Served<Returning, Selecting> serving(waiting_by(SelectorKind::select));
    Client before = serving.connect();
    before.send("before\n");
    BOOST_TEST(before.read_line() == "before\n");
    std::optional<Client> beyond;
    {
        std::vector<UniqueFd> taken;
        do
            taken.emplace_back(::dup(STDIN_FILENO));
        while (taken.back().get() < FD_SETSIZE);
        Client last = serving.connect();  // it gets the one that was kept for it
        last.send("last\n");
        BOOST_TEST(last.read_line() == "last\n");
        beyond = serving.connect();
        beyond->send("beyond\n");
        BOOST_TEST(beyond->nothing_within(100ms));
        before.send("still\n");
        BOOST_TEST(before.read_line() == "still\n");
    }
    BOOST_TEST(beyond->read_line() == "beyond\n");
    beyond.reset();
    serving.stop();
    BOOST_TEST(serving.statistics().failed == 0U);
}

BOOST_AUTO_TEST_CASE(what_select_keeps_for_a_connection_takes_no_standard_stream_s_place) {
    struct Looking : StreamRequestHandler {
        using StreamRequestHandler::StreamRequestHandler;
        void handle() override {
            wfile << (test::is_open(0) || test::is_open(1) || test::is_open(2) ? "taken\n" : "free\n");
            server.request_shutdown();
        }
    };
    const int status = test::in_child([] {
        for (const int fd : {0, 1, 2})
            ::close(fd);
        TCPServer<Looking, Selecting> server(Address("127.0.0.1", 0), waiting_by(SelectorKind::select));
        // Its own number is free again when it is served.
        Client asking(::fcntl(Client("127.0.0.1", server.server_address().port()).fd(), F_DUPFD_CLOEXEC, 3));
        server.serve_forever();
        return asking.read_line() == "free\n" ? 0 : 1;
    });
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(one_fiber_accepts_and_each_request_has_its_own) {
    static thread_local const Waiter* acceptor = nullptr;
    static thread_local bool always_the_same = true;
    class Remembering : public StreamServer {
    public:
        using StreamServer::StreamServer;

    protected:
        bool verify_request(Socket&, const Address&) override {
            always_the_same = always_the_same && (acceptor == nullptr || acceptor == &Waiter::current());
            acceptor = &Waiter::current();
            return true;
        }
    };
    struct Comparing : StreamRequestHandler {
        using StreamRequestHandler::StreamRequestHandler;
        void handle() override {
            const Waiter* const own = &Waiter::current();
            static_cast<void>(rfile.read_line());  // which comes when another connection has been served
            const bool stays = own == &Waiter::current();
            wfile << (own == acceptor ? "accepts, " : "serves, ") << (stays ? "stays, " : "changes, ")
                  << (always_the_same ? "one accepts\n" : "several accept\n");
        }
    };
    Running<detail::HandlerServer<Comparing, SelectingMixIn<Remembering>>> serving;
    Client first = serving.connect();
    Client second = serving.connect();
    second.send("word\n");
    BOOST_TEST(second.read_line() == "serves, stays, one accepts\n");
    first.send("word\n");
    BOOST_TEST(first.read_line() == "serves, stays, one accepts\n");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver
