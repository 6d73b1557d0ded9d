#include "servers/serving.hpp"
#include "support/case_guard.hpp"
#include "support/eventually.hpp"

#include <socketserver/concurrency/threading.hpp>
#include <socketserver/tcp_server.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace socketserver::test {

namespace {

using Threaded = Serving<TCPServer<StreamScriptHandler, Threading>>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(threading, CaseGuard)

BOOST_AUTO_TEST_CASE(lets_go_of_threads_that_have_ended) {
    Threaded scene({.threading = {.spare_threads = 0}});
    scene.serve();
    for (int i = 1; i <= 10; ++i) {
        Client client = scene.connect();
        client.send("hello\n");
        client.half_close();
        BOOST_TEST(client.read_all() == "hello\n");
    }
    BOOST_TEST(eventually([&] { return scene.server().tracked_threads() == 1; }));  // the one that leads
}

BOOST_AUTO_TEST_CASE(keeps_no_more_idle_threads_than_it_was_told_to) {
    Threaded scene({.threading = {.spare_threads = 1}});
    scene.serve();
    std::vector<Client> clients;
    for (int i = 0; i < 5; ++i) {
        clients.push_back(scene.connect());
        clients.back().send("hello\n");
        BOOST_TEST(clients.back().read_line() == "hello\n");
    }
    BOOST_TEST(scene.server().tracked_threads() >= 5U);
    clients.clear();
    // One leads, one follows. Those that have left are joined at the next turn of the loop.
    BOOST_TEST(eventually([&] { return scene.server().tracked_threads() == 2; }));
}

BOOST_AUTO_TEST_CASE(a_thread_serves_one_request_after_another) {
    Threaded scene({.threading = {.max_threads = 2}});
    std::mutex mutex;
    std::set<std::thread::id> seen;
    scene.script.handle = [&](Conversation& with) {
        {
            const std::lock_guard lock(mutex);
            seen.insert(std::this_thread::get_id());
        }
        with.echo();
    };
    scene.serve();
    for (int i = 1; i <= 20; ++i) {
        Client client = scene.connect();
        client.send("hello\n");
        client.half_close();
        BOOST_TEST(client.read_all() == "hello\n");
    }
    const std::lock_guard lock(mutex);
    BOOST_TEST(seen.size() <= 2U);
}

BOOST_AUTO_TEST_CASE(service_actions_go_on_while_every_thread_serves) {
    Threaded scene({.threading = {.max_threads = 1}});
    std::atomic<int> calls{0};
    scene.script.service_actions = [&] { ++calls; };
    std::thread serving([&] { scene.server().serve_forever(std::chrono::milliseconds{1}); });
    Client client = scene.connect();
    client.send("hello\n");
    BOOST_TEST(client.read_line() == "hello\n");
    const int before = calls;
    BOOST_TEST(eventually([&] { return calls > before + 3; }));
    BOOST_TEST(scene.server().statistics().active == 1U);
    scene.server().shutdown();
    serving.join();
}

BOOST_AUTO_TEST_CASE(an_exception_of_a_hook_comes_out_of_serve_forever) {
    Threaded scene;
    scene.script.service_actions = [] { throw std::runtime_error("as told"); };
    std::exception_ptr thrown;
    std::thread serving([&] {
        try {
            scene.server().serve_forever();
        } catch (...) {
            thrown = std::current_exception();
        }
    });
    Client client = scene.connect();
    client.send("hello\n");
    serving.join();
    BOOST_REQUIRE(thrown);
    BOOST_CHECK_EXCEPTION(std::rethrow_exception(thrown), std::runtime_error,
                          [](const std::exception& error) { return error.what() == std::string("as told"); });
    // The request that came before goes on.
    BOOST_TEST(client.read_line() == "hello\n");
}

BOOST_AUTO_TEST_CASE(tracks_none_once_closed) {
    Threaded scene;
    scene.serve();
    Client client = scene.connect();
    client.send("hello\n");
    BOOST_TEST(client.read_line() == "hello\n");
    BOOST_TEST(scene.server().tracked_threads() > 0U);
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

BOOST_AUTO_TEST_CASE(requests_wait_while_no_thread_can_be_made) {
    // No address space holds such a stack.
    Threaded scene({.threading = {.stack_size = std::size_t{1} << 50U}});
    scene.serve();
    Client client = scene.connect();
    client.send("hello\n");
    BOOST_TEST(eventually([&] { return scene.logged("cannot make a thread") > 0; }));
    BOOST_TEST(client.nothing_within(std::chrono::milliseconds{120}));
    scene.stop();
    BOOST_TEST(scene.logged("cannot make a thread") == 1U);
    BOOST_TEST(scene.server().statistics().accepted == 0U);
}

BOOST_AUTO_TEST_CASE(a_thread_that_handle_request_cannot_make_costs_one_request) {
    Threaded scene({.threading = {.stack_size = std::size_t{1} << 50U}});
    for (std::size_t i = 1; i <= 3; ++i) {
        Client client = scene.connect();
        scene.server().handle_request();
        BOOST_TEST(client.read_all().empty());
        BOOST_TEST(scene.server().statistics().failed == i);
    }
    BOOST_TEST(scene.server().statistics().accepted == 3U);
    BOOST_TEST(scene.server().statistics().active == 0U);
    BOOST_TEST(scene.script.calls("handle_error") == 3U);
    BOOST_TEST(scene.script.calls("close_request") == 3U);
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
