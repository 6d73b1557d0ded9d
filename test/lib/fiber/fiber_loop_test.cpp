#include <socketserver/fiber/fiber_loop.hpp>
#include <socketserver/net/detail/served_request.hpp>

#include "fixtures.hpp"
#include "support/rlimit.hpp"

#include <socketserver/net/offload.hpp>
#include <socketserver/net/poll_waiter.hpp>
#include <socketserver/net/request_registry.hpp>
#include <socketserver/net/resolve.hpp>
#include <socketserver/os/wakeup.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <netdb.h>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace socketserver::test {

namespace {

FiberLoopOptions of(SelectorKind kind) {
    return FiberLoopOptions{.selector = kind};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(fiber_loop, CaseGuard)

namespace data = boost::unit_test::data;

BOOST_DATA_TEST_CASE(others_run_while_a_fiber_waits_for_input, data::make(selector_kinds), kind) {
    auto [server, client] = unix_connection();
    std::string log;
    run_fibers(
        kind,
        [&, &socket = server] {
            log += '(';
            log += socket.recv(10);
            log += ')';
        },
        [&, &socket = client] {
            log += "other ";
            socket.sendall("hello");
        });
    BOOST_TEST(log == "(other hello)");
}

BOOST_DATA_TEST_CASE(several_fibers_wait_on_one_descriptor_in_both_directions, data::make(selector_kinds), kind) {
    auto [server, client] = unix_connection();
    const std::size_t filled = fill(server);
    std::string got;
    std::size_t sent = 0;
    FiberLoop loop(of(kind));
    for (int i = 0; i < 3; ++i) {
        loop.spawn([&, &socket = server] { got += socket.recv(1); });
        loop.spawn([&, &socket = server] { sent += socket.send("w"); });
    }
    loop.spawn([&, &socket = client] {
        socket.sendall("abc");
        for (std::size_t drained = 0; drained < filled + 3;)
            drained += socket.recv(65'536).size();
    });
    run(loop);
    BOOST_TEST(got.size() == 3U);
    BOOST_TEST(sent == 3U);
}

BOOST_DATA_TEST_CASE(a_wait_ends_when_its_deadline_comes_and_not_before, data::make(selector_kinds), kind) {
    auto [server, client] = unix_connection();
    std::vector<WaitResult> results;
    bool early = false;
    run_fibers(kind, [&, &socket = server] {
        for (const auto span : {0ms, 1ms, 20ms}) {
            const Deadline deadline = Deadline::after(span);
            results.push_back(socket.wait(Interest::readable, deadline));
            early = early || !deadline.expired();
        }
        results.push_back(socket.wait(Interest::readable, Deadline::now()));
        results.push_back(socket.wait(Interest::writable, Deadline::now()));
    });
    BOOST_TEST_REQUIRE(results.size() == 5U);
    for (std::size_t i = 0; i < 4; ++i)
        BOOST_TEST(results[i] == WaitResult::timed_out);
    BOOST_TEST(results[4] == WaitResult::ready);
    BOOST_TEST(!early);
}

BOOST_DATA_TEST_CASE(more_that_comes_after_a_time_out_is_read, data::make(selector_kinds), kind) {
    auto [server, client] = tcp_connection();
    std::vector<std::string> got;
    std::vector<error_code> errors;
    server.settimeout(5ms);
    run_fibers(kind, [&, &socket = server, &peer = client] {
        error_code error;
        got.push_back(socket.recv(10, 0, error));
        errors.push_back(error);
        peer.sendall("one");
        got.push_back(socket.recv(10, 0, error));
        errors.push_back(error);
        got.push_back(socket.recv(10, 0, error));
        errors.push_back(error);
        peer.sendall("two");
        got.push_back(socket.recv(10, 0, error));
        errors.push_back(error);
    });
    BOOST_TEST(got == std::vector<std::string>({"", "one", "", "two"}), boost::test_tools::per_element());
    const error_code timed_out = system_code(ETIMEDOUT);
    BOOST_TEST(errors == std::vector<error_code>({timed_out, {}, timed_out, {}}), boost::test_tools::per_element());
}

BOOST_DATA_TEST_CASE(sleepers_wake_in_the_order_of_their_deadlines, data::make(selector_kinds), kind) {
    std::string log;
    bool late = true;
    // On a machine that is busy one of them may not have begun to sleep when the first is to wake: then once more, with longer sleeps.
    for (auto step = 5ms; late; step *= 2) {
        log.clear();
        late = false;
        FiberLoop loop(of(kind));
        const auto begin = Deadline::Clock::now();
        for (const char name : {'d', 'a', 'c', 'b'})
            loop.spawn([&, name] {
                late = late || Deadline::Clock::now() >= begin + step;
                const Deadline until{begin + (name - 'a' + 1) * step};
                BOOST_TEST(Waiter::current().sleep_until(until) == WaitResult::timed_out);
                log += name;
            });
        run(loop);
    }
    BOOST_TEST(log == "abcd");
}

BOOST_DATA_TEST_CASE(a_cut_ends_every_wait_now_and_from_now_on, data::make(selector_kinds), kind) {
    auto [server, client] = unix_connection();
    fill(server);
    std::vector<WaitResult> results;
    FiberLoop loop(of(kind));
    loop.spawn([&, &socket = server] { results.push_back(socket.wait(Interest::readable, Deadline::never())); });
    loop.spawn([&, &socket = server] { results.push_back(socket.wait(Interest::writable, Deadline::never())); });
    loop.spawn([&] { results.push_back(sleep_for(1h)); });
    loop.spawn([&] { results.push_back(Waiter::current().park(Deadline::never())); });
    loop.spawn([&, &socket = server] {
        loop.cut();
        results.push_back(socket.wait(Interest::readable, Deadline::never()));
        results.push_back(sleep_for(1h));
        results.push_back(Waiter::current().park(Deadline::never()));
    });
    run(loop);
    BOOST_TEST(results.size() == 7U);
    for (const WaitResult result : results)
        BOOST_TEST(result == WaitResult::cut);
}

BOOST_DATA_TEST_CASE(a_reader_whose_descriptor_another_fiber_closes_gets_an_error, data::make(selector_kinds), kind) {
    auto [server, client] = unix_connection();
    error_code error;
    run_fibers(
        kind, [&, &socket = server] { static_cast<void>(socket.recv(1, 0, error)); },
        [&socket = server] { socket.close(); });
    BOOST_TEST(error == system_code(EBADF));
}

BOOST_DATA_TEST_CASE(an_event_of_a_closed_descriptor_does_not_reach_the_next_one_of_its_number,
                     data::make(selector_kinds), kind) {
    // Both become ready in one round; the first to run closes the other and opens a new one of its number.
    std::optional<Ends> first{unix_connection()};
    std::optional<Ends> second{unix_connection()};
    std::optional<Ends> third;
    int number = -1;
    std::vector<WaitResult> results;
    FiberLoop loop(of(kind));
    const auto reuse = [&](std::optional<Ends>& other) {
        if (third)
            return;
        number = other->server.fileno();
        other->server.close();
        third = unix_connection();
        if (third->server.fileno() != number)
            std::swap(third->server, third->client);
        results.push_back(third->server.wait(Interest::readable, Deadline::after(5ms)));
    };
    loop.spawn([&] {
        static_cast<void>(first->server.wait(Interest::readable, Deadline::never()));
        reuse(second);
    });
    loop.spawn([&] {
        static_cast<void>(second->server.wait(Interest::readable, Deadline::never()));
        reuse(first);
    });
    loop.spawn([&] {
        first->client.sendall("x");
        second->client.sendall("x");
    });
    run(loop);
    BOOST_TEST_REQUIRE(third.has_value());
    BOOST_TEST(third->server.fileno() == number);
    BOOST_TEST_REQUIRE(results.size() == 1U);
    BOOST_TEST(results.front() == WaitResult::timed_out);
}

BOOST_DATA_TEST_CASE(what_is_still_unread_is_ready_however_often_one_waits, data::make(selector_kinds), kind) {
    auto [server, client] = tcp_connection();
    std::vector<WaitResult> results;
    std::string got;
    run_fibers(
        kind,
        [&, &socket = server] {
            for (int i = 0; i < 5; ++i) {
                results.push_back(socket.wait(Interest::readable, Deadline::never()));
                results.push_back(socket.wait(Interest::readable, Deadline::never()));
                got += socket.recv(1);
            }
        },
        [&socket = client] { socket.sendall("hello"); });
    BOOST_TEST(got == "hello");
    for (const WaitResult result : results)
        BOOST_TEST(result == WaitResult::ready);
}

BOOST_DATA_TEST_CASE(a_request_that_is_asked_to_end_stops_waiting, data::make(selector_kinds), kind) {
    auto [server, client] = tcp_connection();
    RequestRegistry registry;
    socketserver::detail::ServedRequest::enter(server, registry);
    std::vector<WaitResult> results;
    std::string got;
    run_fibers(
        kind,
        [&, &socket = server] {
            got = socket.recv(100);
            results.push_back(socket.wait(Interest::readable, Deadline::never()));
            results.push_back(socket.wait(Interest::readable, Deadline::never()));
            results.push_back(socket.wait(Interest::writable, Deadline::never()));
            socket.close();
        },
        [&, &socket = client] {
            socket.sendall("x");
            sleep_for(2ms);
            registry.stop_all();
        });
    BOOST_TEST(got == "x");
    BOOST_TEST_REQUIRE(results.size() == 3U);
    BOOST_TEST(results[0] == WaitResult::stopped);
    BOOST_TEST(results[1] == WaitResult::stopped);
    BOOST_TEST(results[2] == WaitResult::ready);
}

BOOST_DATA_TEST_CASE(a_fiber_that_never_waits_gives_way_at_will, data::make(selector_kinds), kind) {
    auto [server, client] = unix_connection();
    std::string log;
    std::string got;
    run_fibers(
        kind,
        [&] {
            for (const char letter : {'a', 'b', 'c'}) {
                log += letter;
                BOOST_TEST(give_way() == WaitResult::timed_out);
            }
        },
        [&] {
            for (const char letter : {'A', 'B', 'C'}) {
                log += letter;
                BOOST_TEST(give_way() == WaitResult::timed_out);
            }
        },
        // What comes for a descriptor is seen meanwhile.
        [&, &socket = server] {
            socket.setblocking(true);
            got = socket.recv(100);
        },
        [&, &socket = client] {
            socket.sendall("x");
            while (got.empty())
                static_cast<void>(give_way());
        });
    BOOST_TEST(log == "aAbBcC");
    BOOST_TEST(got == "x");
}

BOOST_AUTO_TEST_CASE(giving_way_ends_with_a_cut) {
    FiberLoop loop;
    std::vector<WaitResult> results;
    loop.spawn([&] {
        results.push_back(give_way());
        loop.cut();
        results.push_back(give_way());
    });
    while (loop.busy())
        loop.run_once(Deadline::never());
    BOOST_TEST_REQUIRE(results.size() == 2U);
    BOOST_TEST(results[0] == WaitResult::timed_out);
    BOOST_TEST(results[1] == WaitResult::cut);
    // In a thread there is nobody to give way to.
    BOOST_TEST(give_way() == WaitResult::timed_out);
}

BOOST_AUTO_TEST_CASE(what_a_fiber_runs_is_destroyed_where_it_can_still_wait) {
    FiberLoop loop;
    bool waited = false;
    struct WaitsAtEnd {
        bool& waited;
        explicit WaitsAtEnd(bool& flag) : waited(flag) {}
        WaitsAtEnd(const WaitsAtEnd&) = delete;
        WaitsAtEnd& operator=(const WaitsAtEnd&) = delete;
        ~WaitsAtEnd() {
            waited =
                dynamic_cast<FiberWaiter*>(&Waiter::current()) != nullptr && sleep_for(1ms) == WaitResult::timed_out;
        }
    };
    auto held = std::make_shared<WaitsAtEnd>(waited);
    loop.spawn([own = std::move(held)] {});
    run(loop);
    BOOST_TEST(waited);
}

BOOST_DATA_TEST_CASE(on_readable_calls_back_outside_all_fibers_until_it_returns_false, data::make(selector_kinds),
                     kind) {
    const Wakeup wakeup;
    FiberLoop loop(of(kind));
    int calls = 0;
    bool outside = true;
    loop.on_readable(wakeup.fd(), [&] {
        wakeup.clear();
        outside = outside && dynamic_cast<FiberWaiter*>(&Waiter::current()) == nullptr;
        return ++calls < 3;
    });
    loop.spawn([&] {
        for (int i = 0; i < 5; ++i) {
            wakeup.notify();
            sleep_for(1ms);
        }
    });
    run(loop);
    BOOST_TEST(calls == 3);
    BOOST_TEST(outside);
}

BOOST_AUTO_TEST_CASE(two_loops_run_in_two_threads) {
    auto [server, client] = unix_connection();
    std::size_t echoed = 0;
    const std::string text = pattern(100'000);
    Background echo([&socket = server] {
        run_fibers(SelectorKind::epoll, [&] {
            for (std::string data = socket.recv(4096); !data.empty(); data = socket.recv(4096))
                socket.sendall(data);
            try {
                throw std::runtime_error("in this thread too");
            } catch (const std::exception&) {
                sleep_for(1ms);
            }
        });
    });
    FiberLoop loop;
    loop.spawn([&, &socket = client] {
        socket.sendall(text);
        socket.shutdown(SHUT_WR);
    });
    std::string got;
    loop.spawn([&, &socket = client] {
        while (got.size() < text.size())
            got += socket.recv(4096);
        ++echoed;
    });
    run(loop);
    echo.join();
    BOOST_TEST((got == text));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
