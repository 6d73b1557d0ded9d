#include "servers/serving.hpp"
#include "support/case_guard.hpp"
#include "support/eventually.hpp"

#include <socketserver/concurrency/threading.hpp>
#include <socketserver/tcp_server.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

namespace socketserver::test {

namespace {

using Threaded = Serving<TCPServer<StreamScriptHandler, Threading>>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(threading, CaseGuard)

BOOST_AUTO_TEST_CASE(lets_go_of_threads_that_have_ended) {
    Threaded scene;
    scene.serve();
    for (int i = 1; i <= 10; ++i) {
        Client client = scene.connect();
        client.send("hello\n");
        client.half_close();
        BOOST_TEST(client.read_all() == "hello\n");
    }
    BOOST_TEST(scene.server().tracked_threads() < 10U);
}

BOOST_AUTO_TEST_CASE(tracks_none_once_closed) {
    Threaded scene;
    scene.serve();
    Client client = scene.connect();
    client.send("hello\n");
    BOOST_TEST(client.read_line() == "hello\n");
    BOOST_TEST(scene.server().tracked_threads() == 1U);
    scene.stop();
    scene.server().server_close();
    BOOST_TEST(scene.server().tracked_threads() == 0U);
}

BOOST_AUTO_TEST_CASE(a_silent_client_delays_nobody) {
    Threaded scene;
    scene.serve();
    const Client silent = scene.connect();
    BOOST_TEST(scene.script.comes_to("handle"));
    for (int i = 0; i < 3; ++i) {
        Client client = scene.connect();
        client.send("hello\n");
        BOOST_TEST(client.read_line() == "hello\n");
    }
}

BOOST_AUTO_TEST_CASE(puts_off_what_is_more_than_the_greatest_number_of_threads) {
    Threaded scene({.threading = {.max_threads = 2}});
    scene.serve();
    Client first = scene.connect();
    Client second = scene.connect();
    for (Client* const client : {&first, &second}) {
        client->send("hello\n");
        BOOST_TEST(client->read_line() == "hello\n");
    }
    Client third = scene.connect();
    third.send("third\n");
    Client fourth = scene.connect();
    fourth.send("fourth\n");
    BOOST_TEST(third.nothing_within(std::chrono::milliseconds{20}));
    BOOST_TEST(scene.server().statistics().accepted == 2U);
    first.half_close();
    BOOST_TEST(third.read_line() == "third\n");
    BOOST_TEST(scene.server().statistics().accepted == 3U);
    third.half_close();
    BOOST_TEST(fourth.read_line() == "fourth\n");
    BOOST_TEST(scene.script.log.lines().empty());
}

BOOST_AUTO_TEST_CASE(handle_request_waits_for_a_thread_to_end) {
    Threaded scene({.threading = {.max_threads = 1}});
    Client first = scene.connect();
    first.send("first\n");
    scene.server().handle_request();
    BOOST_TEST(first.read_line() == "first\n");
    Client second = scene.connect();
    second.send("second\n");
    std::thread serving([&] { scene.server().handle_request(); });
    BOOST_TEST(second.nothing_within(std::chrono::milliseconds{20}));
    first.close();
    BOOST_TEST(second.read_line() == "second\n");
    serving.join();
}

BOOST_AUTO_TEST_CASE(a_thread_that_cannot_be_made_costs_one_request) {
    // No address space holds such a stack.
    Threaded scene({.threading = {.stack_size = std::size_t{1} << 50U}});
    scene.serve();
    for (std::size_t i = 1; i <= 3; ++i) {
        Client client = scene.connect();
        BOOST_TEST(client.read_all().empty());
        BOOST_TEST(scene.script.comes_to("close_request", i));
        BOOST_TEST(scene.server().statistics().failed == i);
    }
    scene.stop();
    BOOST_TEST(scene.server().statistics().accepted == 3U);
    BOOST_TEST(scene.server().statistics().active == 0U);
    BOOST_TEST(scene.script.calls("handle_error") == 3U);
    BOOST_TEST(scene.script.calls("finish_request") == 0U);
}

BOOST_AUTO_TEST_CASE(two_hundred_clients_talk_at_the_same_time) {
    constexpr std::size_t count = 200;
    Threaded scene;
    scene.serve();
    std::vector<Client> clients;
    for (std::size_t i = 0; i < count; ++i) {
        clients.push_back(scene.connect());
        clients.back().send("hello\n");
    }
    for (Client& client : clients)
        BOOST_TEST_REQUIRE(client.read_line() == "hello\n");
    BOOST_TEST(scene.server().statistics().active == count);
    for (Client& client : clients) {
        client.send("bye\n");
        BOOST_TEST_REQUIRE(client.read_line() == "bye\n");
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
