#include "scene.hpp"

#include "support/eventually.hpp"

#include <socketserver/net/socket.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

using namespace std::chrono_literals;

// What a server counts, the same in every mode, children included. What one request was is looked at in exchange_cases.cpp.

namespace socketserver::test {

CONTRACT_CASE(counts_the_bytes_of_requests_that_have_ended, every_server) {
    Scene scene(combination);
    scene.script.handle = [](Conversation& with) {
        const auto line = with.rfile.readline();
        with.wfile << "re: " << line;
    };
    scene.serve();
    BOOST_TEST(scene.exchange("12345\n") == "re: 12345\n");
    BOOST_TEST(scene.exchange("1\n") == "re: 1\n");
    BOOST_TEST(!scene.stop());
    scene.server().server_close();
    BOOST_TEST(scene.statistics().bytes_received == 8U);
    BOOST_TEST(scene.statistics().bytes_sent == 16U);
}

CONTRACT_CASE(bytes_that_were_only_looked_at_are_not_counted, streams) {
    Scene scene(combination);
    scene.script.handle = [](Conversation& with) {
        const std::string peeked = with.connection->recv(1, MSG_PEEK);
        with.connection->sendall(peeked + with.connection->recv(1) + '\n');
    };
    scene.serve();
    BOOST_TEST(scene.exchange("x") == "xx\n");
    BOOST_TEST(!scene.stop());
    scene.server().server_close();
    BOOST_TEST(scene.statistics().bytes_received == 1U);
    BOOST_TEST(scene.statistics().bytes_sent == 3U);
}

CONTRACT_CASE(counts_requests_that_a_time_limit_ended, streams) {
    Scene scene(combination);
    scene.script.handle = [](Conversation& with) {
        with.connection->settimeout(1ms);
        [[maybe_unused]] const auto nothing = with.connection->recv(1);
    };
    scene.serve();
    Client client = scene.connect();
    BOOST_TEST(client.read_all() == "");
    BOOST_TEST(!scene.stop());
    scene.server().server_close();
    BOOST_TEST(scene.statistics().timed_out == 1U);
    BOOST_TEST(scene.statistics().failed == 1U);
    BOOST_TEST(scene.statistics().reset == 0U);
}

CONTRACT_CASE(counts_requests_that_their_peers_reset, tcp_servers) {
    Scene scene(combination);
    scene.script.handle = [](Conversation& with) { [[maybe_unused]] const auto nothing = with.connection->recv(1); };
    scene.serve();
    Client client = scene.connect();
    BOOST_TEST(scene.script.comes_to("handle"));
    client.reset();
    BOOST_TEST(eventually([&] { return scene.statistics().reset == 1; }));
    BOOST_TEST(!scene.stop());
    scene.server().server_close();
    BOOST_TEST(scene.statistics().failed == 1U);
    BOOST_TEST(scene.statistics().timed_out == 0U);
}

CONTRACT_CASE(counts_that_accepting_was_put_off_at_a_limit, bounded_stream_servers) {
    constexpr std::size_t limit = 8;
    Scene scene(combination, {.forking = {.max_children = limit},
                              .threading = {.max_threads = limit},
                              .thread_pool = {.threads = limit},
                              .preforking = {.workers = 1},
                              .selecting = {.max_requests = limit}});
    scene.serve();
    std::vector<Client> clients;
    for (std::size_t i = 0; i < limit; ++i) {
        BOOST_TEST(scene.statistics().deferred == 0U);
        clients.push_back(scene.connect());
        BOOST_TEST(scene.script.comes_to("handle", i + 1));
    }
    BOOST_TEST(eventually([&] { return scene.statistics().deferred >= 1; }));
    clients.push_back(scene.connect());
    for (Client& client : clients) {
        client.send("served after all\n");
        client.half_close();
        BOOST_TEST(client.read_all() == "served after all\n");
    }
}

}  // namespace socketserver::test
