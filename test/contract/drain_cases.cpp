#include "scene.hpp"

#include "support/eventually.hpp"
#include "support/fault_note.hpp"
#include "support/time_factor.hpp"

#include <socketserver/net/waiter.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>

using namespace std::chrono_literals;

// How running requests end when their server stops. A drain of an hour in a case means that nothing may need its
// deadline: the watchdog would name the case.

namespace socketserver::test {

namespace {

/// Waits for a line and says so.
void greet(Conversation& with) {
    with.wfile << "hello\n";
    with.echo();
    with.wfile << "bye\n";
}

/// Has the scene's handlers greet, serves, and returns a client that has been greeted.
Client greeted_client(Scene& scene) {
    scene.script.handle = greet;
    scene.serve();
    Client client = scene.connect();
    BOOST_TEST_REQUIRE(client.read_line() == "hello\n");
    return client;
}

/// The same, and the client has sent a line and got it back.
Client served_client(Scene& scene) {
    Client client = greeted_client(scene);
    client.send("first\n");
    BOOST_TEST_REQUIRE(client.read_line() == "first\n");
    return client;
}

}  // namespace

CONTRACT_CASE(a_silent_client_gets_the_end_at_once, streams) {
    Scene scene(combination, {.drain = 1h});
    Client client = greeted_client(scene);
    BOOST_TEST(!scene.stop());
    scene.server().server_close();
    BOOST_TEST(client.read_all() == "bye\n");
    BOOST_TEST(scene.script.log.lines().empty());
    BOOST_TEST(scene.statistics().handled == 1U);
}

CONTRACT_CASE(a_signal_ends_it_and_lets_its_request_end, every_server) {
    Scene scene(combination, {.drain = 1h, .stop_signals = true});
    scene.script.handle = [&scene](Conversation& with) {
        scene.script.await_gate();
        with.wfile << "done\n";
    };
    scene.serve();
    const Scene::Sent request = scene.send("wait\n");
    BOOST_TEST(scene.script.comes_to("handle"));
    ::kill(::getpid(), SIGTERM);
    BOOST_TEST(eventually([&] { return scene.server().stopping(); }));
    scene.script.gate.notify();
    BOOST_TEST(!scene.join());
    scene.server().server_close();
    BOOST_TEST(request.answer() == "done\n");
    BOOST_TEST(scene.statistics().handled == 1U);
}

CONTRACT_CASE(a_first_request_that_is_under_way_at_the_stop_is_served, streams) {
    Scene scene(combination, {.drain = 1h, .first_input_grace = 1h});
    Client client = greeted_client(scene);
    scene.begin_closing();
    BOOST_TEST(eventually([&] { return scene.server().stopping(); }));
    BOOST_TEST(client.nothing_within(50ms));
    client.send("late\n");
    BOOST_TEST(client.read_line() == "late\n");
    client.half_close();
    BOOST_TEST(client.read_all() == "bye\n");
    scene.finish_closing();
    BOOST_TEST(scene.statistics().handled == 1U);
}

CONTRACT_CASE(a_client_that_stays_silent_gets_the_end_when_its_grace_is_over, streams) {
    Scene scene(combination, {.drain = 1h, .first_input_grace = 20ms});
    Client client = greeted_client(scene);
    scene.begin_closing();
    BOOST_TEST(client.read_all() == "bye\n");
    scene.finish_closing();
    BOOST_TEST(scene.statistics().handled == 1U);
    BOOST_TEST(scene.statistics().cut == 0U);
}

CONTRACT_CASE(a_client_between_two_requests_gets_the_end_at_once, streams) {
    Scene scene(combination, {.drain = 1h, .first_input_grace = 1h});
    Client client = served_client(scene);
    scene.begin_closing();
    BOOST_TEST(client.read_all() == "bye\n");
    scene.finish_closing();
}

CONTRACT_CASE(reports_what_became_of_requests_when_it_stopped, streams) {
    Scene scene(combination, {.drain = 1h, .preforking = {.workers = 1}});
    scene.script.handle = [](Conversation& with) {
        with.echo();
        if (with.rfile.readline().empty() && !with.server.stopping())
            return;
        sleep_for(1h);
    };
    scene.serve();
    BOOST_TEST(scene.exchange("before\n") == "before\n");
    Client client = scene.connect();
    client.send("first\n");
    BOOST_TEST(client.read_line() == "first\n");
    BOOST_TEST(eventually([&] { return scene.statistics().active == 1; }));
    const DrainReport report = scene.server().shutdown(50ms * time_factor);
    BOOST_TEST(!scene.join());
    BOOST_TEST(report.cut == 1U);
    BOOST_TEST(report.completed == 0U);
    BOOST_TEST(report.refused == 0U);
    BOOST_TEST(scene.statistics().active == 0U);
    BOOST_TEST(scene.statistics().cut == 1U);
}

CONTRACT_CASE(reports_requests_that_ended_by_themselves, streams) {
    Scene scene(combination);
    Client client = served_client(scene);
    const DrainReport report = scene.server().shutdown(1h);
    BOOST_TEST(!scene.join());
    BOOST_TEST(client.read_all() == "bye\n");
    BOOST_TEST(report.completed == 1U);
    BOOST_TEST(report.cut == 0U);
}

CONTRACT_CASE(a_drain_without_bound_waits_for_the_request, every_server) {
    Scene scene(combination, {.drain = std::chrono::nanoseconds::max()});
    scene.script.handle = [&](Conversation& with) {
        scene.script.await_gate();
        with.wfile << "served\n";
    };
    scene.serve();
    const auto sent = scene.send("\n");
    BOOST_TEST(scene.script.comes_to("handle"));
    scene.begin_closing();
    BOOST_TEST(eventually([&] { return scene.server().stopping(); }));
    scene.script.gate.notify();
    BOOST_TEST(sent.answer() == "served\n");
    scene.finish_closing();
    BOOST_TEST(scene.statistics().handled == 1U);
}

CONTRACT_CASE(lines_received_before_the_shutdown_are_answered, streams) {
    Scene scene(combination, {.drain = 1h});
    scene.script.handle = [&](Conversation& with) {
        scene.script.await_gate();
        with.echo();
        with.wfile << "end\n";
    };
    scene.serve();
    Client client = scene.connect();
    client.send("one\ntwo\nthree is not whole");
    BOOST_TEST(scene.script.comes_to("handle"));
    scene.begin_closing();
    BOOST_TEST(eventually([&] { return scene.server().stopping(); }));
    scene.script.gate.notify();
    BOOST_TEST(client.read_all() == "one\ntwo\nend\n");
    scene.finish_closing();
}

CONTRACT_CASE(a_running_request_completes_after_the_shutdown, every_server) {
    if (combination.shutdown_waits())
        return;
    Scene scene(combination, {.drain = 1h});
    scene.script.handle = [&](Conversation& with) {
        scene.script.await_gate();
        with.wfile << "served\n";
    };
    scene.serve();
    const auto sent = scene.send("\n");
    BOOST_TEST(scene.script.comes_to("handle"));
    BOOST_TEST(!scene.stop());
    BOOST_TEST(scene.script.calls("finish") == 0U);
    scene.script.gate.notify();
    BOOST_TEST(sent.answer() == "served\n");
    scene.server().server_close();
    BOOST_TEST(scene.statistics().handled == 1U);
}

CONTRACT_CASE(a_handler_sees_that_it_is_to_end, every_server) {
    Scene scene(combination, {.drain = 1h});
    scene.script.handle = [](Conversation& with) {
        while (!with.server.stopping())
            sleep_for(1ms);
        with.wfile << "asked to end\n";
    };
    scene.serve();
    const auto sent = scene.send("\n");
    BOOST_TEST(scene.script.comes_to("handle"));
    BOOST_TEST(!scene.stop());
    scene.server().server_close();
    BOOST_TEST(sent.answer() == "asked to end\n");
}

CONTRACT_CASE(a_signal_handler_that_requests_a_shutdown_ends_a_silent_client, streams) {
    for (const bool has_spoken : {false, true}) {
        Scene scene(combination, {.drain = 1h, .first_input_grace = has_spoken ? 1h : 20ms});
        Client client = has_spoken ? served_client(scene) : greeted_client(scene);
        scene.request_shutdown_by_signal();
        scene.begin_closing();
        BOOST_TEST(client.read_all() == "bye\n");
        scene.finish_closing();
        BOOST_TEST(scene.statistics().handled == 1U);
    }
    note_fault(39, combination.concurrency, "a silent client gets the end");
}

CONTRACT_CASE(a_shutdown_that_the_serving_thread_alone_knows_of_ends_a_silent_client, streams) {
    for (const bool has_spoken : {false, true}) {
        Scene scene(combination, {.drain = 1h, .first_input_grace = has_spoken ? 1h : 20ms});
        Client client = has_spoken ? served_client(scene) : greeted_client(scene);
        scene.request_shutdown_by_signal();
        BOOST_TEST(!scene.join());
        scene.server().server_close();
        BOOST_TEST(client.read_all() == "bye\n");
    }
}

}  // namespace socketserver::test
