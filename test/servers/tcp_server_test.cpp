#include "contract/observed.hpp"
#include "contract/shared_lines.hpp"
#include "support/case_guard.hpp"
#include "support/clients.hpp"
#include "support/eventually.hpp"
#include "support/forked.hpp"
#include "support/readable.hpp"

#include <socketserver/handlers/daytime_handler.hpp>
#include <socketserver/handlers/echo_handler.hpp>
#include <socketserver/net/socket_functions.hpp>
#include <socketserver/socketserver.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace socketserver::test {

namespace {

int option(int fd, int level, int name) {
    int value = -1;
    socklen_t length = sizeof value;
    ::getsockopt(fd, level, name, &value, &length);
    return value;
}

/// The length of a listening socket's queue, as the kernel keeps it.
unsigned backlog(int fd) {
    tcp_info info{};
    socklen_t length = sizeof info;
    ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length);
    return info.tcpi_sacked;
}

/// Adds to a sum that all handlers share, and answers with a word.
class Adder : public StreamRequestHandler {
public:
    Adder(Socket& the_request, const Address& client, ServerContext& the_server, int& sum, const std::string& word)
        : StreamRequestHandler(the_request, client, the_server), sum_(sum), word_(word) {}
    void handle() override {
        while (const auto number = rfile.read_line())
            sum_ += std::stoi(std::string(*number));
        wfile << word_ << '\n';
    }

private:
    int& sum_;
    const std::string& word_;
};

/// Counts the calls of the hooks that a constructor cannot reach.
class CountsBinding : public TCPServer<EchoHandler> {
public:
    using TCPServer::TCPServer;
    ~CountsBinding() override { server_close(); }
    void server_bind() override {
        ++bound;
        TCPServer::server_bind();
    }
    void server_activate() override {
        ++activated;
        TCPServer::server_activate();
    }
    int bound = 0;
    int activated = 0;
};

/// Answers a line and then stays, whatever it is asked.
class Stays : public StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;
    void handle() override {
        [[maybe_unused]] const auto line = rfile.read_line();
        wfile << "hello\n";
        wfile.flush();
        ::poll(nullptr, 0, -1);
    }
};

/// Overrides a hook and forgets to close.
template <class Handler, class Concurrency>
class Forgetful : public TCPServer<Handler, Concurrency> {
public:
    using TCPServer<Handler, Concurrency>::TCPServer;

protected:
    bool verify_request(Socket&, const Address&) override { return true; }
};

/// Destroys a forgetful server while it serves a client that stays.
template <class Concurrency>
void destroy_while_serving(const SharedLines& log) {
    auto server = std::make_unique<Forgetful<Stays, Concurrency>>(
        Address("127.0.0.1", 0), ServerOptions{.logger = [&log](Severity, std::string_view line) { log.add(line); }});
    std::thread serving([&server] { server->serve_forever(); });
    Client client("127.0.0.1", server->server_address().port());
    client.send("hello\n");
    [[maybe_unused]] const auto answer = client.read_line();
    if constexpr (!std::is_same_v<Concurrency, Blocking>) {
        // The serving thread has left; a request still runs.
        server->shutdown();
        serving.join();
    }
    server.reset();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(tcp_server, CaseGuard)

BOOST_AUTO_TEST_CASE(a_failed_bind_leaks_no_descriptor) {
    const TCPServer<EchoHandler> server(Address("127.0.0.1", 0));
    std::string message;
    for (int i = 0; i < 1024; ++i) {
        try {
            const TCPServer<EchoHandler> second(server.server_address());
            BOOST_FAIL("it was bound");
        } catch (const system_error& error) {
            BOOST_TEST_REQUIRE(error.code() == system_code(EADDRINUSE));
            message = error.what();
        }
    }
    BOOST_TEST(message == "bind to " + server.server_address().to_string() + ": Address already in use");
}

BOOST_AUTO_TEST_CASE(tells_the_kernel_the_length_of_its_queue) {
    const TCPServer<EchoHandler> short_queue(Address("127.0.0.1", 0), {.request_queue_size = 7});
    BOOST_TEST(backlog(short_queue.fileno()) == 7U);
    const TCPServer<EchoHandler> usual(Address("127.0.0.1", 0));
    BOOST_TEST(backlog(usual.fileno()) > 100U);
}

BOOST_AUTO_TEST_CASE(binds_although_connections_linger_unless_told) {
    const TCPServer<EchoHandler> usual(Address("127.0.0.1", 0));
    BOOST_TEST(option(usual.fileno(), SOL_SOCKET, SO_REUSEADDR) == 1);
    BOOST_TEST(option(usual.fileno(), SOL_SOCKET, SO_REUSEPORT) == 0);
    const TCPServer<EchoHandler> strict(Address("127.0.0.1", 0), {.allow_reuse_address = false});
    BOOST_TEST(option(strict.fileno(), SOL_SOCKET, SO_REUSEADDR) == 0);
}

BOOST_AUTO_TEST_CASE(leaves_silent_clients_to_the_kernel_if_told) {
    const TCPServer<EchoHandler> usual(Address("127.0.0.1", 0));
    BOOST_TEST(option(usual.fileno(), IPPROTO_TCP, TCP_DEFER_ACCEPT) == 0);
    TCPServer<EchoHandler> server(Address("127.0.0.1", 0),
                                  {.defer_accept = std::chrono::seconds{30}, .timeout = std::chrono::seconds{10}});
    BOOST_TEST(option(server.fileno(), IPPROTO_TCP, TCP_DEFER_ACCEPT) >= 30);
    const Client silent("127.0.0.1", server.server_address().port());
    Client client("127.0.0.1", server.server_address().port());
    client.send("hello\n");
    client.half_close();
    server.handle_request();
    BOOST_TEST(client.read_all() == "hello\n");
    BOOST_TEST(server.statistics().accepted == 1U);
}

BOOST_AUTO_TEST_CASE(shares_its_port_if_told) {
    const TCPServer<EchoHandler> first(Address("127.0.0.1", 0), {.allow_reuse_port = true});
    const TCPServer<EchoHandler> second(first.server_address(), {.allow_reuse_port = true});
    BOOST_TEST(second.server_address() == first.server_address());
}

BOOST_AUTO_TEST_CASE(serves_both_families_at_once) {
    TCPServer<EchoHandler> server(Address("", 0));
    for (const char* const host : {"127.0.0.1", "::1"}) {
        if (server.server_address().family() != AF_INET6 && std::string(host) == "::1")
            continue;  // no IPv6 here
        Client client(host, server.server_address().port());
        client.send("hello\n");
        client.half_close();
        server.handle_request();
        BOOST_TEST(client.read_all() == "hello\n");
    }
}

BOOST_AUTO_TEST_CASE(takes_over_a_socket_that_listens_already) {
    Socket listener = create_server(Address("127.0.0.1", 0));
    const Address address = listener.getsockname();
    TCPServer<EchoHandler> server(Address("127.0.0.1", 0), {.inherited_socket = listener.detach()});
    BOOST_TEST(server.server_address() == address);
    Client client("127.0.0.1", address.port());
    client.send("hello\n");
    client.half_close();
    server.handle_request();
    BOOST_TEST(client.read_all() == "hello\n");
}

BOOST_AUTO_TEST_CASE(refuses_a_unix_address) {
    BOOST_CHECK_THROW(TCPServer<EchoHandler> server(Address::unix_path("@x")), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(hands_references_on_and_keeps_temporaries) {
    int sum = 0;
    TCPServer<Adder> server(Address("127.0.0.1", 0), {}, sum, std::string("a temporary of some length, on the heap"));
    for (const std::string numbers : {"1\n2\n", "3\n"}) {
        Client client("127.0.0.1", server.server_address().port());
        client.send(numbers);
        client.half_close();
        server.handle_request();
        BOOST_TEST(client.read_all() == "a temporary of some length, on the heap\n");
    }
    BOOST_TEST(sum == 6);
}

BOOST_AUTO_TEST_CASE(overridden_binding_is_for_the_caller_to_call) {
    CountsBinding bound(Address("127.0.0.1", 0));
    BOOST_TEST(bound.fileno() >= 0);
    BOOST_TEST(bound.bound == 0);
    CountsBinding unbound(Address("127.0.0.1", 0), {.bind_and_activate = false});
    BOOST_TEST(unbound.fileno() == -1);
    unbound.server_bind();
    unbound.server_activate();
    BOOST_TEST(unbound.bound == 1);
    BOOST_TEST(unbound.activated == 1);
    BOOST_TEST(unbound.fileno() >= 0);
}

// Python has no such case: its servers cannot be half destroyed.
BOOST_AUTO_TEST_CASE(a_subclass_that_forgets_to_close_ends_the_program_with_a_message) {
    for (const bool threading : {true, false}) {
        const SharedLines log;
        const int status = in_child([&] {
            const rlimit no_core{0, 0};
            ::setrlimit(RLIMIT_CORE, &no_core);
            std::signal(SIGABRT, SIG_DFL);  // not Boost.Test's
            if (threading)
                destroy_while_serving<Threading>(log);
            else
                destroy_while_serving<Blocking>(log);
            return 0;
        });
        BOOST_TEST(status == -SIGABRT);
        BOOST_TEST(log.count("a server was destroyed while requests were running: a subclass that overrides hooks must "
                             "call server_close() in its destructor") == 1U);
    }
}

BOOST_AUTO_TEST_CASE(a_subclass_without_requests_need_not_close) {
    Forgetful<EchoHandler, Threading> never_served(Address("127.0.0.1", 0));
    auto served = std::make_unique<Forgetful<EchoHandler, Threading>>(Address("127.0.0.1", 0));
    std::thread serving([&served] { served->serve_forever(); });
    Client client("127.0.0.1", served->server_address().port());
    client.half_close();
    BOOST_TEST(client.read_all().empty());
    served->shutdown();
    serving.join();
    BOOST_TEST(eventually([&] { return served->statistics().active == 0; }));
    served.reset();
}

BOOST_AUTO_TEST_CASE(the_names_of_python_are_these_servers) {
    static_assert(std::is_same_v<ThreadingTCPServer<EchoHandler>, TCPServer<EchoHandler, Threading>>);
    static_assert(std::is_same_v<ForkingUDPServer<EchoDatagramHandler>, UDPServer<EchoDatagramHandler, Forking>>);
    static_assert(std::is_same_v<ThreadingUnixStreamServer<EchoHandler>, UnixStreamServer<EchoHandler, Threading>>);
    static_assert(std::is_base_of_v<StreamServer, ForkingTCPServer<EchoHandler>>);
    static_assert(!std::is_base_of_v<StreamServer, UDPServer<EchoDatagramHandler>>);
}

BOOST_AUTO_TEST_CASE(connections_that_linger_are_not_taken_for_another_server) {
    std::string logged;
    const ServerOptions options{.allow_reuse_port = true,
                                .logger = [&](Severity, std::string_view line) { logged += line; }};
    Address address("127.0.0.1", 0);
    {
        TCPServer<DaytimeHandler> former(address, options);
        address = former.server_address();
        Client client("127.0.0.1", address.port());
        std::thread serving([&] { former.handle_request(); });
        static_cast<void>(client.read_all());  // the server is the first to close
        client.close();
        serving.join();
    }
    const TCPServer<EchoHandler> server(address, options);
    BOOST_TEST(logged == "");
    const TCPServer<EchoHandler> second(address, options);
    BOOST_TEST(logged.find("another process or server listens") != std::string::npos, logged);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
