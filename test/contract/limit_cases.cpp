#include "scene.hpp"

#include "support/eventually.hpp"
#include "support/time_factor.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// Limits of time: who is slow, idle or deaf is sent away, whatever the concurrency, and nobody else is. Limits of number: who is one
// too many waits, or is sent away if there are too many of his address.

using namespace std::chrono_literals;

namespace socketserver::test {

namespace {

/// For cases that wait until a limit of time runs out.
bool one_of_each_family(const Combination& combination) {
    return combination.is_stream() && combination.transport != Combination::Transport::tcp_ipv6;
}

bool by_ipv4(const Combination& combination) {
    return combination.transport == Combination::Transport::tcp_ipv4;
}
bool several_at_once(const Combination& combination) {
    return one_of_each_family(combination) && !combination.one_at_a_time;
}
bool several_processes(const Combination& combination) {
    return several_at_once(combination) && combination.preforks;
}
bool several_at_once_by_tcp(const Combination& combination) {
    return combination.is_tcp() && !combination.one_at_a_time;
}

/// Whether a client is served rather than sent away.
bool is_served(const Scene& scene) {
    try {
        return scene.exchange("line\n") == "line\n";
    } catch (const std::system_error&) {  // reset, with what it had sent unread
        return false;
    }
}

/// Whether a slow client goes on: it sends a byte.
bool goes_on(Client& client) {
    try {
        client.send("x");
        return true;
    } catch (const std::system_error&) {
        return false;
    }
}

}  // namespace

// A byte now and then would keep each of them for ever, were the time-out of an operation all there is.
CONTRACT_CASE(sends_slow_clients_away_and_serves_good_ones, one_of_each_family) {
    Scene scene(combination, {.connection = {.timeout = 1h, .line_timeout = 100ms}});
    scene.serve();
    std::vector<Client> slow;
    for (int i = 0; i < 4; ++i)
        slow.push_back(scene.connect());
    std::thread sending([&slow] {
        while (!slow.empty()) {
            slow.erase(std::remove_if(slow.begin(), slow.end(), [](Client& client) { return !goes_on(client); }),
                       slow.end());
            std::this_thread::sleep_for(5ms);
        }
    });
    try {
        Client good = scene.connect();
        for (const std::string line : {"one\n", "two\n", "three\n"}) {
            good.send(line);
            BOOST_TEST(good.read_line() == line);
        }
    } catch (const std::exception& failure) {
        BOOST_ERROR(failure.what());
    }
    sending.join();
    BOOST_TEST(eventually([&] { return scene.logged("line not complete within 0.1 s") == 4; }));
    BOOST_TEST(scene.statistics().timed_out == 4U);
    BOOST_TEST(!scene.stop());
    BOOST_TEST(scene.script.log.lines().size() == 4U);
}

CONTRACT_CASE(sends_idle_clients_away_and_never_active_ones, by_ipv4) {
    // Long enough that a busy machine does not make an active client idle.
    Scene scene(combination, {.connection = {.timeout = 1h, .idle_timeout = 1s * time_factor}});
    scene.serve();
    Client idle = scene.connect();
    Client active = scene.connect();
    do {
        active.send("line\n");
        BOOST_TEST(active.read_line() == "line\n");
    } while (idle.nothing_within(5ms));
    BOOST_TEST(idle.read_all() == "");
    active.send("last\n");
    BOOST_TEST(active.read_line() == "last\n");
    BOOST_TEST(eventually([&] { return scene.logged("nothing received within") == 1; }));
    BOOST_TEST(scene.statistics().timed_out == 1U);
}

CONTRACT_CASE(sends_a_client_away_that_reads_nothing, one_of_each_family) {
    Scene scene(combination, {.connection = {.timeout = 1h, .write_timeout = 100ms}});
    scene.script.handle = [](Conversation& with) {
        if (with.rfile.read_line() == "short")
            with.wfile << "done\n";
        else
            for (const std::string block(65'536, 'x');;)
                with.wfile << block;
    };
    scene.serve();
    Client deaf = scene.connect();
    deaf.send("flood\n");
    BOOST_TEST(scene.exchange("short\n") == "done\n");
    BOOST_TEST(eventually([&] { return scene.logged("output not taken within 0.1 s") == 1; }));
    BOOST_TEST(scene.statistics().timed_out == 1U);
}

CONTRACT_CASE(a_handler_may_set_limits_of_its_own, one_of_each_family) {
    Scene scene(combination, {.connection = {.timeout = 20ms}});
    scene.script.construct = [](Conversation& with) { *with.timeout = std::nullopt; };
    scene.script.handle = [](Conversation& with) {
        with.rfile.set_deadline(Deadline::after(20ms));
        while (with.rfile.read_line()) {
        }
    };
    scene.serve();
    BOOST_TEST(scene.connect().read_all().empty());
    BOOST_TEST(eventually([&] { return scene.logged("request not complete in time") == 1; }));
}

CONTRACT_CASE(one_connection_too_many_waits_until_another_one_ends, several_at_once) {
    Scene scene(combination, {.max_connections = 2, .preforking = {.workers = 1}});
    scene.serve();
    std::vector<Client> served = scene.served_clients(2);
    BOOST_TEST(eventually([&] { return scene.statistics().deferred >= 1; }));
    Client waiting = scene.connect();
    waiting.send("patience\n");
    BOOST_TEST(waiting.nothing_within(50ms));
    BOOST_TEST(scene.statistics().accepted == 2U);
    served.pop_back();
    BOOST_TEST(waiting.read_line() == "patience\n");
    BOOST_TEST(scene.statistics().rejected == 0U);
    BOOST_TEST(eventually([&] { return scene.logged("2 connections are open, the most allowed: others wait") >= 1; }));
}

CONTRACT_CASE(processes_share_the_connections_there_may_be, several_processes) {
    Scene scene(combination, {.max_connections = 2, .preforking = {.workers = 2}});
    scene.serve();
    std::vector<Client> served = scene.served_clients(2);
    Client waiting = scene.connect();
    waiting.send("patience\n");
    BOOST_TEST(waiting.nothing_within(50ms));
    served.pop_back();
    BOOST_TEST(waiting.read_line() == "patience\n");
}

CONTRACT_CASE(one_connection_too_many_of_an_address_is_closed, several_at_once_by_tcp) {
    Scene scene(combination, {.max_per_address = 2, .preforking = {.workers = 1}});
    scene.serve();
    std::vector<Client> served = scene.served_clients(2);
    BOOST_TEST(scene.connect().read_all().empty());
    BOOST_TEST(scene.statistics().rejected == 1U);
    BOOST_TEST(scene.logged("its address has the most connections allowed, 2 (1 time)") == 1U);
    for (Client& client : served) {
        client.send("still served\n");
        BOOST_TEST(client.read_line() == "still served\n");
    }
    served.pop_back();
    BOOST_TEST(eventually([&] { return is_served(scene); }));
    // Places are given back however a request ends.
    scene.stop();
    scene.server().server_close();
    BOOST_TEST(scene.statistics().failed == 0U);
}

CONTRACT_CASE(the_place_of_a_connection_that_fails_is_free_again, several_at_once_by_tcp) {
    Scene scene(combination, {.max_per_address = 1, .preforking = {.workers = 1}});
    scene.script.handle = [](Conversation& with) {
        if (with.rfile.read_line() == "throw")
            throw std::runtime_error("as told");
        with.wfile << "line\n";
    };
    scene.serve();
    for (int i = 0; i < 3; ++i) {
        BOOST_TEST(eventually([&] {
            try {
                return scene.exchange("throw\n").empty() && scene.statistics().failed > static_cast<std::uint64_t>(i);
            } catch (const std::system_error&) {
                return false;
            }
        }));
    }
    BOOST_TEST(eventually([&] { return is_served(scene); }));
}

}  // namespace socketserver::test
