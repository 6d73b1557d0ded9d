/// \file
/// Sockets that fibers of a loop wait for, under every selector.

#include <socketserver/fiber/fiber_loop.hpp>

#include "fixtures.hpp"
#include "support/rlimit.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <fcntl.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(fiber_sockets, CaseGuard)

namespace data = boost::unit_test::data;

BOOST_DATA_TEST_CASE(client_sockets_connect_and_servers_accept_inside_fibers, data::make(selector_kinds), kind) {
    Socket listener = create_server(Address("127.0.0.1", 0));
    const Address address = listener.getsockname();
    int answered = 0;
    FiberLoop loop(FiberLoopOptions{.selector = kind});
    loop.spawn([&] {
        for (int i = 0; i < 20; ++i) {
            const auto connection = std::make_shared<Socket>(listener.accept().first);
            loop.spawn([connection] { connection->sendall("you said " + connection->recv(100)); });
        }
    });
    for (int i = 0; i < 20; ++i)
        loop.spawn([&, i] {
            Socket client = create_connection(address);
            const std::string name = std::to_string(i);
            client.sendall(name);
            answered += receive_to_the_end(client) == "you said " + name ? 1 : 0;
        });
    loop.spawn([&] {
        Socket nobody(AF_INET);
        BOOST_TEST(nobody.connect_ex(refused_address()) == system_code(ECONNREFUSED));
    });
    run(loop);
    BOOST_TEST(answered == 20);
}

BOOST_DATA_TEST_CASE(datagrams_that_came_together_are_all_received, data::make(selector_kinds), kind) {
    // A datagram is shorter than the buffer, which does not mean that it was the last.
    Socket server(AF_INET, SOCK_DGRAM);
    server.bind(Address("127.0.0.1", 0));
    Socket client(AF_INET, SOCK_DGRAM);
    client.connect(server.getsockname());
    server.settimeout(5s);
    std::string got;
    run_fibers(
        kind,
        [&] {
            for (int i = 0; i < 6; ++i)
                got += server.recv(100);
        },
        [&] {
            for (const char* const text : {"a", "b", "c"})
                client.send(text);
            sleep_for(2ms);
            for (const char* const text : {"d", "e", "f"})
                client.send(text);
        });
    BOOST_TEST(got == "abcdef");
}

BOOST_DATA_TEST_CASE(a_refused_datagram_does_not_make_its_socket_ready_for_ever, data::make(selector_kinds), kind) {
    Socket client(AF_INET, SOCK_DGRAM);
    client.settimeout(10ms);
    Socket server(AF_INET, SOCK_DGRAM);
    server.bind(Address("127.0.0.1", 0));
    client.connect(server.getsockname());
    server.close();
    std::vector<error_code> errors;
    run_fibers(
        kind,
        [&] {
            error_code error;
            static_cast<void>(client.recv(10, 0, error));
            errors.push_back(error);
            static_cast<void>(client.recv(10, 0, error));
            errors.push_back(error);
        },
        [&] { client.send("x"); });
    BOOST_TEST_REQUIRE(errors.size() == 2U);
    BOOST_TEST(errors[0] == system_code(ECONNREFUSED));
    BOOST_TEST(errors[1] == system_code(ETIMEDOUT));
}

BOOST_DATA_TEST_CASE(a_loop_sleeps_although_a_connection_that_nobody_waits_for_has_been_reset,
                     data::make(selector_kinds), kind) {
    auto [server, client] = tcp_connection();
    std::chrono::microseconds used{};
    run_fibers(kind, [&, &socket = server, &peer = client] {
        static_cast<void>(socket.wait(Interest::readable, Deadline::after(1ms)));
        reset(peer);
        const auto before = processor_time();
        sleep_for(300ms);
        used = processor_time() - before;
    });
    BOOST_TEST((used < 150ms));
}

BOOST_DATA_TEST_CASE(a_descriptor_that_the_selector_refuses_is_an_error_of_that_fiber_alone, data::make(selector_kinds),
                     kind) {
    const ScopedRlimit limit(RLIMIT_NOFILE, FD_SETSIZE + 64);
    auto [server, client] = unix_connection();
    Socket high(UniqueFd{::fcntl(server.fileno(), F_DUPFD_CLOEXEC, FD_SETSIZE)});
    std::string refused;
    std::string got;
    run_fibers(
        kind,
        [&] {
            high.settimeout(1ms);
            try {
                static_cast<void>(high.recv(1));
            } catch (const system_error& failure) {
                refused = failure.what();
            }
        },
        [&, &socket = server, &peer = client] {
            sleep_for(2ms);
            peer.sendall("x");
            got = socket.recv(1);
        });
    BOOST_TEST(got == "x");
    BOOST_TEST((refused.find("too high for select(2)") != std::string::npos) == (kind == SelectorKind::select));
}

BOOST_AUTO_TEST_CASE(a_socket_may_outlive_the_loop_whose_fiber_waited_for_it) {
    auto [server, client] = unix_connection();
    for (const SelectorKind kind : {SelectorKind::epoll, SelectorKind::select, SelectorKind::epoll}) {
        std::string got;
        run_fibers(
            kind, [&, &socket = server] { got = socket.recv(1); }, [&socket = client] { socket.sendall("x"); });
        BOOST_TEST(got == "x");
    }
    client.sendall("y");
    BOOST_TEST(server.recv(1) == "y");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
