#include <socketserver/net/detail/served_request.hpp>
#include <socketserver/net/request_registry.hpp>

#include "fixtures.hpp"
#include "support/case_guard.hpp"

#include <socketserver/net/buffered_reader.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(request_registry, CaseGuard)

BOOST_AUTO_TEST_CASE(counts_what_has_entered) {
    RequestRegistry registry;
    BOOST_TEST(registry.size() == 0U);
    auto [one, two] = unix_connection();
    socketserver::detail::ServedRequest::enter(one, registry);
    socketserver::detail::ServedRequest::enter(two, registry);
    BOOST_TEST(registry.size() == 2U);
    one.close();
    BOOST_TEST(registry.size() == 1U);
    const UniqueFd detached{two.detach()};
    BOOST_TEST(registry.size() == 0U);
}

BOOST_AUTO_TEST_CASE(entries_leave_in_any_order) {
    for (const auto& order : {std::array{0, 1, 2}, std::array{2, 1, 0}, std::array{1, 0, 2}, std::array{1, 2, 0}}) {
        RequestRegistry registry;
        std::array<Ends, 3> connections{unix_connection(), unix_connection(), unix_connection()};
        for (Ends& ends : connections)
            socketserver::detail::ServedRequest::enter(ends.server, registry);
        std::size_t left = connections.size();
        for (const int index : order) {
            connections.at(static_cast<std::size_t>(index)).server.close();
            BOOST_TEST(registry.size() == --left);
        }
        registry.stop_all();
    }
}

BOOST_AUTO_TEST_CASE(an_entry_moves_with_its_socket) {
    RequestRegistry registry;
    auto [server, client] = unix_connection();
    socketserver::detail::ServedRequest::enter(server, registry);
    Socket moved(std::move(server));
    Socket assigned;
    assigned = std::move(moved);
    BOOST_TEST(registry.size() == 1U);
    registry.stop_all();
    BOOST_TEST(assigned.stop_requested());
    BOOST_TEST(assigned.recv(1).empty());
    assigned.close();
    BOOST_TEST(registry.size() == 0U);
}

BOOST_AUTO_TEST_CASE(serving_again_under_another_registry_leaves_the_first) {
    RequestRegistry first;
    RequestRegistry second;
    auto [server, client] = unix_connection();
    socketserver::detail::ServedRequest::enter(server, first);
    socketserver::detail::ServedRequest::enter(server, second);
    BOOST_TEST(first.size() == 0U);
    BOOST_TEST(second.size() == 1U);
    server.close();
}

BOOST_AUTO_TEST_CASE(what_enters_while_stopping_is_stopped_until_reopened) {
    RequestRegistry registry;
    registry.stop_all();
    BOOST_TEST(registry.stopping());
    auto [server, client] = unix_connection();
    socketserver::detail::ServedRequest::enter(server, registry);
    BOOST_TEST(server.stop_requested());
    BOOST_TEST(server.recv(1).empty());
    server.close();
    registry.reopen();
    BOOST_TEST(!registry.stopping());
    auto [second, peer] = unix_connection();
    socketserver::detail::ServedRequest::enter(second, registry);
    BOOST_TEST(!second.stop_requested());
    peer.sendall("x");
    BOOST_TEST(second.recv(1) == "x");
    second.close();
}

BOOST_AUTO_TEST_CASE(a_closed_socket_is_never_touched) {
    RequestRegistry registry;
    auto [server, client] = unix_connection();
    socketserver::detail::ServedRequest::enter(server, registry);
    const int number = server.fileno();
    server.close();
    // The same number, a stranger's connection.
    auto [stranger, peer] = unix_connection();
    BOOST_REQUIRE((stranger.fileno() == number || peer.fileno() == number));
    registry.stop_all();
    registry.cut_all();
    peer.sendall("still there");
    BOOST_TEST(stranger.recv(100) == "still there");
}

BOOST_AUTO_TEST_CASE(what_was_received_before_the_stop_is_read_and_nothing_after_it) {
    auto [server, client] = tcp_connection();
    RequestRegistry registry;
    socketserver::detail::ServedRequest::enter(server, registry);
    client.sendall("one\ntwo\nth");
    BOOST_TEST_REQUIRE(arrive(server, 10));
    registry.stop_all();
    client.sendall("ree\nfour\n");
    BOOST_TEST_REQUIRE(arrive(server, 19));
    BufferedReader reader(server);
    BOOST_TEST(reader.read_line().value() == "one");
    BOOST_TEST(reader.read_line().value() == "two");
    BOOST_TEST(!reader.read_line().has_value());
    server.sendall("bye");
    BOOST_TEST(client.recv(100) == "bye");
    server.close();
}

BOOST_AUTO_TEST_CASE(recv_reads_what_was_received_before_the_stop_and_nothing_after_it) {
    auto [server, client] = tcp_connection();
    RequestRegistry registry;
    socketserver::detail::ServedRequest::enter(server, registry);
    client.sendall("before");
    BOOST_TEST_REQUIRE(arrive(server, 6));
    registry.stop_all();
    client.sendall("after");
    BOOST_TEST_REQUIRE(arrive(server, 11));
    BOOST_TEST(server.recv(2) == "be");
    BOOST_TEST(server.recv(100, MSG_PEEK) == "fore");
    BOOST_TEST(server.recv(100) == "fore");
    BOOST_TEST(server.recv(100).empty());
    BOOST_TEST(server.recv(100).empty());
    std::array<std::byte, 10> buffer{};
    error_code error;
    BOOST_TEST((server.read_some(buffer, error).status == IoStatus::stopped));
    server.close();
}

BOOST_AUTO_TEST_CASE(a_stopped_peer_of_a_unix_socket_gets_epipe_and_the_reply) {
    auto [server, client] = unix_connection();
    RequestRegistry registry;
    socketserver::detail::ServedRequest::enter(server, registry);
    client.sendall("one\ntwo");
    registry.stop_all();
    CHECK_FAILS(client.send("three"), EPIPE, "send");
    BufferedReader reader(server);
    BOOST_TEST(reader.read_line().value() == "one");
    BOOST_TEST(!reader.read_line().has_value());
    server.sendall("bye");
    server.close();
    BOOST_TEST(receive_to_the_end(client) == "bye");
}

BOOST_AUTO_TEST_CASE(cut_ends_both_directions) {
    for (Ends (*const connection)() : {tcp_connection, unix_connection}) {
        auto [server, client] = connection();
        RequestRegistry registry;
        socketserver::detail::ServedRequest::enter(server, registry);
        registry.stop_all();
        registry.cut_all();
        BOOST_TEST(server.stop_requested());
        BOOST_TEST(server.recv(1).empty());
        CHECK_FAILS(server.send("x"), EPIPE, "send to");
        BOOST_TEST(client.recv(1).empty());
        server.close();
    }
}

BOOST_AUTO_TEST_CASE(stop_after_cut_and_twice_changes_nothing) {
    auto [server, client] = unix_connection();
    RequestRegistry registry;
    RunningRequest request(registry, server.fileno());
    BOOST_TEST(!request.stopping());
    request.stop();
    request.stop();
    BOOST_TEST(request.stopping());
    BOOST_TEST(!request.was_cut());
    request.cut();
    request.stop();
    BOOST_TEST(request.was_cut());
}

BOOST_AUTO_TEST_CASE(stopping_leaves_errno_alone) {
    RequestRegistry registry;
    RunningRequest request(registry, -1);
    errno = EILSEQ;
    request.stop();
    request.cut();
    BOOST_TEST(errno == EILSEQ);
}

BOOST_AUTO_TEST_CASE(connections_come_and_go_while_all_are_stopped) {
    // Every connection that enters ends, whatever the threads' order.
    RequestRegistry registry;
    std::atomic<int> served{0};
    {
        const auto serve = [&registry, &served] {
            for (int i = 0; i < 200; ++i) {
                auto [server, client] = socketpair();
                socketserver::detail::ServedRequest::enter(server, registry);
                if (server.recv(1).empty())
                    ++served;
            }
        };
        const Background one(serve);
        const Background two(serve);
        BOOST_TEST(eventually([&registry] { return registry.size() > 0; }));
        registry.stop_all();
    }
    BOOST_TEST(served == 400);
    BOOST_TEST(registry.size() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
