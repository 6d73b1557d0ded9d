#include "scene.hpp"

#include "support/eventually.hpp"
#include "support/fault_note.hpp"
#include "support/time_factor.hpp"

#include <socketserver/fiber/condition_variable.hpp>
#include <socketserver/fiber/mutex.hpp>
#include <socketserver/fiber/task_group.hpp>
#include <socketserver/net/child_process.hpp>
#include <socketserver/net/socket_functions.hpp>
#include <socketserver/net/waiter.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <mutex>
#include <string>

using namespace std::chrono_literals;

// How requests are cut, whatever they wait for: when their time to drain is up, or their peer has left.

namespace socketserver::test {

namespace {

void wait_on_condition(Conversation&) {
    mutex guard;
    condition_variable changed;
    std::unique_lock lock(guard);
    static_cast<void>(changed.wait(lock));
}

void wait_on_client_socket(Conversation&) {
    auto [own, other] = socketpair();
    error_code error;
    static_cast<void>(own.recv(1, 0, error));
}

void wait_for_program(Conversation&) {
    ChildProcess program({"/bin/sleep", "3600"});
    static_cast<void>(program.wait(Deadline::never()));
}

void wait_for_tasks(Conversation&) {
    TaskGroup group;
    for (int i = 0; i < 3; ++i)
        group.run([] { sleep_for(1h); });
    group.wait();
}

/// Everything that a handler may wait for besides its connection.
const std::array<void (*)(Conversation&), 5> waits_elsewhere{[](Conversation&) { sleep_for(1h); }, wait_on_condition,
                                                             wait_on_client_socket, wait_for_program, wait_for_tasks};

}  // namespace

CONTRACT_CASE(a_handler_that_waits_is_cut_at_the_drain_deadline, every_server) {
    Scene scene(combination, {.drain = 50ms * time_factor});
    scene.script.handle = [](Conversation& with) {
        sleep_for(1h);
        with.rfile.read_line();
    };
    scene.serve();
    const auto sent = scene.send("\n");
    BOOST_TEST(scene.script.comes_to("handle"));
    BOOST_TEST(!scene.stop());
    scene.server().server_close();
    BOOST_TEST(scene.statistics().active == 0U);
}

CONTRACT_CASE(a_handler_that_waits_elsewhere_is_cut_too, every_server) {
    Scene scene(combination, {.drain = 50ms * time_factor});
    scene.script.handle = [](Conversation&) {
        auto [here, there] = socketpair();
        [[maybe_unused]] const auto nothing = here.recv(1);
    };
    scene.serve();
    const auto sent = scene.send("\n");
    BOOST_TEST(scene.script.comes_to("handle"));
    BOOST_TEST(!scene.stop());
    scene.server().server_close();
    BOOST_TEST(scene.statistics().active == 0U);
    BOOST_TEST(scene.statistics().failed == 1U);
}

CONTRACT_CASE(a_handler_that_writes_to_a_client_that_does_not_read_is_cut, streams) {
    Scene scene(combination, {.drain = 50ms * time_factor});
    scene.script.handle = [](Conversation& with) { with.wfile.write(std::string(64U << 20U, 'x')); };
    scene.serve();
    Client client = scene.connect();
    BOOST_TEST(client.read_exactly(1) == "x");
    BOOST_TEST(!scene.stop());
    scene.server().server_close();
    BOOST_TEST(scene.statistics().handled == 0U);
    BOOST_TEST(scene.statistics().failed == 1U);
}

CONTRACT_CASE(block_on_close_false_cuts_at_once, every_server) {
    Scene scene(combination, {.drain = 1h, .block_on_close = false});
    scene.script.handle = [](Conversation&) { sleep_for(1h); };
    scene.serve();
    const auto sent = scene.send("\n");
    BOOST_TEST(scene.script.comes_to("handle"));
    scene.server().server_close();
    BOOST_TEST(!scene.join());
    BOOST_TEST(scene.statistics().active == 0U);
}

CONTRACT_CASE(serves_again_after_requests_were_cut, every_server) {
    if (!combination.shutdown_waits())
        return;  // their requests are cut by server_close() alone
    Scene scene(combination, {.drain = 50ms * time_factor});
    scene.script.handle = [&](Conversation& with) {
        if (scene.script.calls("handle") == 1)
            sleep_for(1h);
        with.echo();
    };
    scene.serve();
    const auto sent = scene.send("\n");
    BOOST_TEST(scene.script.comes_to("handle"));
    BOOST_TEST(!scene.stop());
    scene.serve();
    BOOST_TEST(scene.exchange("next\n") == "next\n");
}

CONTRACT_CASE(a_signal_handler_that_requests_a_shutdown_ends_whatever_waits, every_server) {
    for (const auto wait : waits_elsewhere) {
        Scene scene(combination, {.drain = 50ms * time_factor});
        scene.script.handle = wait;
        scene.serve();
        const auto sent = scene.send("\n");
        BOOST_TEST(scene.script.comes_to("handle"));
        scene.request_shutdown_by_signal();
        BOOST_TEST(!scene.join());
        scene.server().server_close();
        BOOST_TEST(scene.statistics().active == 0U);
        BOOST_TEST(scene.statistics().cut == 1U);
    }
    note_fault(39, combination.concurrency,
               "sleep, condition variable, client socket, child process: cut after `drain`");
}

CONTRACT_CASE(a_shutdown_that_the_serving_thread_alone_knows_of_cuts_a_write_that_nobody_reads, streams) {
    Scene scene(combination, {.drain = 50ms * time_factor});
    scene.script.handle = [](Conversation& with) { with.wfile.write(std::string(64U << 20U, 'x')); };
    scene.serve();
    Client client = scene.connect();
    BOOST_TEST(client.read_exactly(1) == "x");
    scene.request_shutdown_by_signal();
    BOOST_TEST(!scene.join());
    scene.server().server_close();
    BOOST_TEST(scene.statistics().cut == 1U);
}

CONTRACT_CASE(a_peer_that_leaves_while_its_handler_reads_ends_the_next_wait, streams) {
    Scene scene(combination, {.drain = 1h, .cut_abandoned = true});
    scene.script.handle = [](Conversation& with) {
        sleep_for(1ms);
        with.wfile << "hello\n";
        error_code error;
        static_cast<void>(with.connection->recv(1, 0, error));
        sleep_for(1h);
    };
    scene.serve();
    Client client = scene.connect();
    BOOST_TEST(client.read_line() == "hello\n");
    combination.is_unix() ? client.close() : client.reset();
    BOOST_TEST(eventually([&] { return scene.statistics().accepted == 1 && scene.statistics().active == 0; }));
}

CONTRACT_CASE(a_request_whose_peer_has_left_is_cut_if_that_is_wanted, streams) {
    for (const auto wait : waits_elsewhere) {
        Scene scene(combination, {.drain = 1h, .cut_abandoned = true});
        scene.script.handle = wait;
        scene.serve();
        Client client = scene.connect();
        BOOST_TEST(scene.script.comes_to("handle"));
        // A Unix socket has nothing but its end to tell.
        combination.is_unix() ? client.close() : client.reset();
        BOOST_TEST(eventually([&] { return scene.statistics().accepted == 1 && scene.statistics().active == 0; }));
    }
    note_fault(40, combination.concurrency, "sleep, condition variable, client socket, child process: ended at once");
}

CONTRACT_CASE(a_peer_that_has_ended_its_output_has_not_left, streams) {
    Scene scene(combination, {.cut_abandoned = true});
    scene.script.handle = [](Conversation& with) {
        const bool slept = sleep_for(20ms) == WaitResult::timed_out && with.rfile.readline() == "line\n" &&
                           with.rfile.readline().empty() && sleep_for(20ms) == WaitResult::timed_out;
        with.wfile << (slept ? "served\n" : "cut\n");
    };
    scene.serve();
    Client client = scene.connect();
    client.send("line\n");
    client.half_close();
    BOOST_TEST(client.read_all() == "served\n");
    note_fault(40, combination.concurrency, "a half-close ends nothing");
}

CONTRACT_CASE(a_request_that_has_ended_its_output_is_not_cut_by_the_end_of_its_peer, streams) {
    Scene scene(combination, {.drain = 1h, .cut_abandoned = true});
    scene.script.handle = [&](Conversation& with) {
        with.connection->shutdown(SHUT_WR);
        with.echo();  // until the peer's end: both directions are over then, as they are after a reset
        if (sleep_for(20ms) == WaitResult::timed_out)
            scene.script.record("slept");
    };
    scene.serve();
    Client client = scene.connect();
    BOOST_TEST(client.read_all() == "");
    client.half_close();
    BOOST_TEST(scene.script.comes_to("slept"));
    BOOST_TEST(!scene.stop());
    scene.server().server_close();
    BOOST_TEST(scene.statistics().handled == 1U);
}

}  // namespace socketserver::test
