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

BOOST_DATA_TEST_CASE(client_sockets_connect_and_servers_accept_inside_fibers, data::make(selector_kinds), kind) {
    Socket listener = create_server(Address("127.0.0.1", 0));
    const Address address = listener.getsockname();
    int answered = 0;
    FiberLoop loop(of(kind));
    loop.spawn([&] {
        for (int i = 0; i < 20; ++i) {
            const auto connection = std::make_shared<Socket>(listener.accept().first);
            loop.spawn([connection] { connection->sendall("you said " + connection->recv(100)); });
        }
    });
    for (int i = 0; i < 20; ++i)
        loop.spawn([&, i] {
            Socket client = create_connection(address);
            const std::string name = std::to_string(i);
            client.sendall(name);
            answered += receive_to_the_end(client) == "you said " + name ? 1 : 0;
        });
    loop.spawn([&] {
        Socket nobody(AF_INET);
        BOOST_TEST(nobody.connect_ex(refused_address()) == system_code(ECONNREFUSED));
    });
    run(loop);
    BOOST_TEST(answered == 20);
}

BOOST_DATA_TEST_CASE(datagrams_that_came_together_are_all_received, data::make(selector_kinds), kind) {
    // A datagram is shorter than the buffer, which does not mean that it was the last.
    Socket server(AF_INET, SOCK_DGRAM);
    server.bind(Address("127.0.0.1", 0));
    Socket client(AF_INET, SOCK_DGRAM);
    client.connect(server.getsockname());
    server.settimeout(5s);
    std::string got;
    run_fibers(
        kind,
        [&] {
            for (int i = 0; i < 6; ++i)
                got += server.recv(100);
        },
        [&] {
            for (const char* const text : {"a", "b", "c"})
                client.send(text);
            sleep_for(2ms);
            for (const char* const text : {"d", "e", "f"})
                client.send(text);
        });
    BOOST_TEST(got == "abcdef");
}

BOOST_DATA_TEST_CASE(a_refused_datagram_does_not_make_its_socket_ready_for_ever, data::make(selector_kinds), kind) {
    Socket client(AF_INET, SOCK_DGRAM);
    client.settimeout(10ms);
    Socket server(AF_INET, SOCK_DGRAM);
    server.bind(Address("127.0.0.1", 0));
    client.connect(server.getsockname());
    server.close();
    std::vector<error_code> errors;
    run_fibers(
        kind,
        [&] {
            error_code error;
            static_cast<void>(client.recv(10, 0, error));
            errors.push_back(error);
            static_cast<void>(client.recv(10, 0, error));
            errors.push_back(error);
        },
        [&] { client.send("x"); });
    BOOST_TEST_REQUIRE(errors.size() == 2U);
    BOOST_TEST(errors[0] == system_code(ECONNREFUSED));
    BOOST_TEST(errors[1] == system_code(ETIMEDOUT));
}

BOOST_DATA_TEST_CASE(a_loop_sleeps_although_a_connection_that_nobody_waits_for_has_been_reset,
                     data::make(selector_kinds), kind) {
    auto [server, client] = tcp_connection();
    std::chrono::microseconds used{};
    run_fibers(kind, [&, &socket = server, &peer = client] {
        static_cast<void>(socket.wait(Interest::readable, Deadline::after(1ms)));
        reset(peer);
        const auto before = processor_time();
        sleep_for(300ms);
        used = processor_time() - before;
    });
    BOOST_TEST((used < 150ms));
}

BOOST_DATA_TEST_CASE(a_descriptor_that_the_selector_refuses_is_an_error_of_that_fiber_alone, data::make(selector_kinds),
                     kind) {
    const ScopedRlimit limit(RLIMIT_NOFILE, FD_SETSIZE + 64);
    auto [server, client] = unix_connection();
    Socket high(UniqueFd{::fcntl(server.fileno(), F_DUPFD_CLOEXEC, FD_SETSIZE)});
    std::string refused;
    std::string got;
    run_fibers(
        kind,
        [&] {
            high.settimeout(1ms);
            try {
                static_cast<void>(high.recv(1));
            } catch (const system_error& failure) {
                refused = failure.what();
            }
        },
        [&, &socket = server, &peer = client] {
            sleep_for(2ms);
            peer.sendall("x");
            got = socket.recv(1);
        });
    BOOST_TEST(got == "x");
    BOOST_TEST((refused.find("too high for select(2)") != std::string::npos) == (kind == SelectorKind::select));
}

BOOST_AUTO_TEST_CASE(a_socket_may_outlive_the_loop_whose_fiber_waited_for_it) {
    auto [server, client] = unix_connection();
    for (const SelectorKind kind : {SelectorKind::epoll, SelectorKind::select, SelectorKind::epoll}) {
        std::string got;
        run_fibers(
            kind, [&, &socket = server] { got = socket.recv(1); }, [&socket = client] { socket.sendall("x"); });
        BOOST_TEST(got == "x");
    }
    client.sendall("y");
    BOOST_TEST(server.recv(1) == "y");
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

BOOST_AUTO_TEST_CASE(an_unpark_in_the_turn_in_which_the_deadline_comes_harms_no_other_wait) {
    // The unparker's turn is before that of the one that waits, whose wait is over already.
    FiberLoop loop;
    Waiter* parked = nullptr;
    int woken = 0;
    const Deadline deadline = Deadline::after(3ms);
    for (int i = 0; i < 4; ++i)
        loop.spawn([&, i] {
            if (i == 2) {
                parked = &Waiter::current();
                static_cast<void>(parked->park(deadline));
                parked = nullptr;
            } else {
                Waiter::current().sleep_until(deadline);
                if (parked != nullptr)
                    parked->unpark();
            }
            sleep_for(2ms);
            ++woken;
        });
    int cut = 0;
    for (int i = 0; i < 4; ++i)
        loop.spawn([&] { cut += sleep_for(1h) == WaitResult::cut ? 1 : 0; });
    loop.spawn([&] {
        while (woken < 4)
            sleep_for(1ms);
        loop.cut();
    });
    run(loop);
    BOOST_TEST(woken == 4);
    BOOST_TEST(cut == 4);
}

BOOST_AUTO_TEST_CASE(an_unpark_comes_from_any_thread_before_or_after_the_park) {
    for (const bool in_fiber : {true, false}) {
        std::vector<WaitResult> results;
        const auto work = [&] {
            Waiter& self = Waiter::current();
            self.unpark();
            self.unpark();  // one permit, however often
            results.push_back(self.park(Deadline::never()));
            results.push_back(self.park(Deadline::after(1ms)));
            results.push_back(self.park(Deadline::now()));
            for (int i = 0; i < 200; ++i) {
                const Background other([&self] { self.unpark(); });
                results.push_back(self.park(Deadline::never()));
            }
        };
        if (in_fiber)
            run_fibers(SelectorKind::epoll, work);
        else
            work();
        BOOST_TEST_REQUIRE(results.size() == 203U);
        BOOST_TEST(results[0] == WaitResult::ready);
        BOOST_TEST(results[1] == WaitResult::timed_out);
        BOOST_TEST(results[2] == WaitResult::timed_out);
        for (std::size_t i = 3; i < results.size(); ++i)
            BOOST_TEST(results[i] == WaitResult::ready);
    }
}

BOOST_AUTO_TEST_CASE(a_thread_that_is_parked_in_a_request_can_be_cut) {
    const Wakeup cut;
    PollWaiter waiter(cut);
    BOOST_TEST(waiter.park(Deadline::after(1ms)) == WaitResult::timed_out);
    waiter.unpark();
    BOOST_TEST(waiter.park(Deadline::never()) == WaitResult::ready);
    {
        const Background other([&] { waiter.unpark(); });
        BOOST_TEST(waiter.park(Deadline::never()) == WaitResult::ready);
    }
    {
        const Background other([&] { cut.notify(); });
        BOOST_TEST(waiter.park(Deadline::never()) == WaitResult::cut);
    }
    const Background other([&] { waiter.unpark(); });
    BOOST_TEST(waiter.park(Deadline::never(), Cut::is_ignored) == WaitResult::ready);
}

BOOST_AUTO_TEST_CASE(offload_runs_elsewhere_while_other_fibers_are_served) {
    FiberLoop loop;
    std::promise<void> served;
    std::thread::id elsewhere;
    int result = 0;
    loop.spawn([&] {
        result = offload([&] {
            elsewhere = std::this_thread::get_id();
            served.get_future().wait();  // would never come if the loop stood still
            return 42;
        });
    });
    loop.spawn([&] {
        sleep_for(1ms);
        served.set_value();
    });
    run(loop);
    BOOST_TEST(result == 42);
    BOOST_TEST((elsewhere != std::this_thread::get_id()));
}

BOOST_AUTO_TEST_CASE(offload_runs_in_place_in_a_thread) {
    std::thread::id where;
    offload([&] { where = std::this_thread::get_id(); });
    BOOST_TEST((where == std::this_thread::get_id()));
    int variable = 1;
    BOOST_TEST(&offload([&]() -> int& { return variable; }) == &variable);
    BOOST_TEST(*offload([] { return std::make_unique<int>(3); }) == 3);
}

BOOST_AUTO_TEST_CASE(offload_throws_in_the_caller_what_was_thrown) {
    BOOST_CHECK_THROW(offload([]() -> int { throw std::out_of_range("here"); }), std::out_of_range);
    std::string caught;
    run_fibers(SelectorKind::epoll, [&] {
        try {
            offload([] { throw std::out_of_range("there"); });
        } catch (const std::out_of_range& failure) {
            caught = failure.what();
        }
    });
    BOOST_TEST(caught == "there");
}

BOOST_AUTO_TEST_CASE(more_is_offloaded_at_once_than_there_are_helpers) {
    FiberLoop loop;
    int done = 0;
    for (int i = 0; i < 100; ++i)
        loop.spawn([&, i] { done += offload([i] { return i; }) == i ? 1 : 0; });
    run(loop);
    BOOST_TEST(done == 100);
}

BOOST_AUTO_TEST_CASE(names_are_resolved_in_helper_threads) {
    FiberLoop loop;
    std::string host;
    std::size_t found = 0;
    std::string full;
    bool others_ran = false;
    bool done = false;
    error_code unknown;
    loop.spawn([&] {
        host = gethostbyname("localhost");
        found = getaddrinfo("127.0.0.1", Service{80}, AF_INET, SOCK_STREAM).size();
        full = getfqdn("127.0.0.1");
        static_cast<void>(
            getaddrinfo("no.such.host.invalid.", Service{80}, AF_INET, SOCK_STREAM, 0, AI_NUMERICHOST, unknown));
        done = true;
    });
    loop.spawn([&] {
        while (!done) {
            others_ran = true;
            loop.yield();
        }
    });
    run(loop);
    BOOST_TEST(host == "127.0.0.1");
    BOOST_TEST(found == 1U);
    BOOST_TEST(!full.empty());
    BOOST_TEST((unknown.category() == gai_category()));
    BOOST_TEST(others_ran);
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
