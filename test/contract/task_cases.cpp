// Handlers that do several things at once, by TaskGroup.

#include "combination.hpp"
#include "scene.hpp"
#include "support/case_guard.hpp"
#include "support/clients.hpp"

#include <socketserver/fiber/condition_variable.hpp>
#include <socketserver/fiber/mutex.hpp>
#include <socketserver/fiber/task_group.hpp>
#include <socketserver/net/socket_functions.hpp>
#include <socketserver/os/error.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace socketserver::test {

namespace {

using namespace std::chrono_literals;

/// Runs a function as a task beside one that throws after a moment. Tells the client what the function has returned, or thrown,
/// and what wait() has thrown.
void beside_one_that_throws(Conversation& with, const std::function<std::string()>& waits) {
    std::string outcome = "not run";
    std::string thrown = "nothing";
    try {
        TaskGroup group;
        group.run([&] {
            try {
                outcome = waits();
            } catch (const system_error& failure) {
                outcome = failure.code().message();
            }
        });
        group.run([] {
            sleep_for(10ms);
            throw std::runtime_error("as asked");
        });
        group.wait();
    } catch (const std::runtime_error& failure) {
        thrown = failure.what();
    }
    with.wfile << outcome << ", " << thrown << '\n';
}

std::string told(WaitResult result) {
    return result == WaitResult::cut ? "cut" : "not cut";
}

}  // namespace

CONTRACT_CASE(a_proxy_copies_both_ways_at_once_until_both_have_ended, streams) {
    Socket listener = create_server(Address("127.0.0.1", 0));
    listener.settimeout(10s);
    const Address behind = listener.getsockname();
    Scene scene(combination);
    scene.script.handle = [&](Conversation& with) {
        Socket target = create_connection(behind);
        TaskGroup both;
        both.run([&] {
            copy(*with.connection, target);
            target.shutdown(SHUT_WR);
        });
        both.run([&] {
            copy(target, *with.connection);
            with.connection->shutdown(SHUT_WR);
        });
        both.wait();
    };
    scene.serve();
    constexpr std::size_t much = 3'000'000;  // more than all buffers hold: each side reads only when it has sent all
    const std::string question(much, 'q');
    const std::string answer(much, 'a');
    Client client = scene.connect();
    Client origin(listener.accept().first.detach());
    std::thread asking([&] {
        client.send(question);
        client.half_close();
    });
    std::thread answering([&] { origin.send(answer); });
    BOOST_TEST((origin.read_exactly(much) == question));
    BOOST_TEST((client.read_exactly(much) == answer));
    asking.join();
    answering.join();
    BOOST_TEST(origin.read_all().empty());
    origin.send("last");
    origin.half_close();
    BOOST_TEST(client.read_all() == "last");
    BOOST_TEST(!scene.stop());
    BOOST_TEST(scene.statistics().failed == 0U);
}

CONTRACT_CASE(the_first_task_that_throws_ends_whatever_the_others_wait_for, streams) {
    mutex guard;
    condition_variable never;
    const auto sleeps = [] { return told(sleep_for(1h)); };
    const auto waits_for_others = [&] {
        std::unique_lock lock(guard);
        return told(never.wait(lock));
    };
    const auto reads = [] { return socketpair().first.recv(1); };
    const auto has_a_task = [] {
        TaskGroup inner;
        std::string outcome;
        inner.run([&] { outcome = told(sleep_for(1h)); });
        inner.wait();
        return outcome;
    };
    const std::string cut_read = system_code(ECANCELED).message();
    const std::vector<std::pair<std::function<std::string()>, std::string>> ways{
        {sleeps, "cut"}, {waits_for_others, "cut"}, {reads, cut_read}, {has_a_task, "cut"}};
    for (const auto& [way, outcome] : ways) {
        Scene scene(combination);
        scene.script.handle = [&way = way](Conversation& with) { beside_one_that_throws(with, way); };
        scene.serve();
        BOOST_TEST(scene.exchange("") == outcome + ", as asked\n");
    }
}

CONTRACT_CASE(a_task_that_reads_the_connection_is_ended_with_the_group, streams) {
    Scene scene(combination);
    scene.script.handle = [](Conversation& with) {
        beside_one_that_throws(with, [&] { return with.connection->recv(1); });
    };
    scene.serve();
    BOOST_TEST(scene.exchange("") == system_code(ECANCELED).message() + ", as asked\n");
}

CONTRACT_CASE(tasks_that_nobody_waits_for_end_with_the_group, streams) {
    Scene scene(combination);
    scene.script.handle = [](Conversation& with) {
        std::string outcome;
        {
            TaskGroup group;
            group.run([&] { outcome = told(sleep_for(1h)); });
        }
        with.wfile << outcome << '\n';
    };
    scene.serve();
    BOOST_TEST(scene.exchange("") == "cut\n");
}

CONTRACT_CASE(a_stop_reaches_the_task_that_reads_the_connection, streams) {
    Scene scene(combination, {.drain = 1h});
    scene.script.handle = [](Conversation& with) {
        TaskGroup group;
        group.run([&] {
            with.wfile << "reading\n";
            const auto line = with.rfile.read_line();
            with.wfile << (line ? "a line\n" : "the end\n");
        });
        group.wait();
    };
    scene.serve();
    const auto sent = scene.send("");
    BOOST_TEST(sent.answer() == "reading\n");
    BOOST_TEST(!scene.stop());
    BOOST_TEST(sent.answer() == "the end\n");
}

}  // namespace socketserver::test
