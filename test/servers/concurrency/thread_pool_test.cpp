#include "servers/serving.hpp"
#include "support/case_guard.hpp"
#include "support/eventually.hpp"

#include <socketserver/concurrency/thread_pool.hpp>
#include <socketserver/serving/request_handler.hpp>
#include <socketserver/tcp_server.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace socketserver::test {

namespace {

using Pooled = Serving<TCPServer<StreamScriptHandler, ThreadPool>>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(thread_pool, CaseGuard)

BOOST_AUTO_TEST_CASE(has_as_many_threads_as_it_was_told_to) {
    Pooled scene({.thread_pool = {.threads = 5}});
    scene.serve();
    BOOST_TEST(eventually([&] { return scene.server().tracked_threads() == 5; }));
    for (std::size_t i = 1; i <= 10; ++i) {
        Client client = scene.connect();
        client.send("hello\n");
        client.half_close();
        BOOST_TEST(client.read_all() == "hello\n");
    }
    BOOST_TEST(scene.server().tracked_threads() == 5U);
    scene.stop();
    scene.server().server_close();
    BOOST_TEST(scene.server().tracked_threads() == 0U);
}

BOOST_AUTO_TEST_CASE(puts_off_what_is_more_than_its_threads) {
    Pooled scene({.thread_pool = {.threads = 2}});
    scene.serve();
    Client first = scene.connect();
    Client second = scene.connect();
    for (Client* const client : {&first, &second}) {
        client->send("hello\n");
        BOOST_TEST(client->read_line() == "hello\n");
    }
    Client third = scene.connect();
    third.send("third\n");
    BOOST_TEST(third.nothing_within(std::chrono::milliseconds{20}));
    BOOST_TEST(scene.server().statistics().accepted == 2U);
    BOOST_TEST(scene.server().statistics().active == 2U);
    first.half_close();
    BOOST_TEST(third.read_line() == "third\n");
    BOOST_TEST(scene.script.log.lines().empty());
}

BOOST_AUTO_TEST_CASE(a_thread_that_a_handler_ends_is_replaced) {
    Pooled scene({.thread_pool = {.threads = 2}});
    scene.script.handle = [&](Conversation& with) {
        const auto line = with.rfile.read_line();
        if (line == "exit")
            throw SystemExit{3};
        with.wfile << "served\n";
    };
    scene.serve();
    for (int i = 0; i < 4; ++i) {
        Client ends = scene.connect();
        ends.send("exit\n");
        BOOST_TEST(ends.read_all().empty());
        Client goes_on = scene.connect();
        goes_on.send("hello\n");
        BOOST_TEST(goes_on.read_line() == "served\n");
    }
    BOOST_TEST(scene.script.log.lines().empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
