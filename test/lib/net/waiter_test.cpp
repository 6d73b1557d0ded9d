#include <socketserver/net/detail/served_request.hpp>
#include <socketserver/net/waiter.hpp>

#include "fixtures.hpp"
#include "support/case_guard.hpp"

#include <socketserver/net/buffered_reader.hpp>
#include <socketserver/net/poll_waiter.hpp>
#include <socketserver/net/request_registry.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace socketserver::test {

namespace {

/// Notes which output leaves when.
class Output : public PendingOutput {
public:
    explicit Output(std::string& log, char name) : log_(log), name_(name) {}
    using PendingOutput::link;
    using PendingOutput::unlink;
    bool again = false;

private:
    void flush_before_wait() noexcept override {
        log_ += name_;
        if (std::exchange(again, false))
            link();
    }
    std::string& log_;
    char name_;
};

std::string sorted(std::string text) {
    std::sort(text.begin(), text.end());
    return text;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(waiter, CaseGuard)

BOOST_AUTO_TEST_CASE(ready_when_there_is_input_or_room) {
    auto [server, client] = tcp_connection();
    BOOST_TEST((server.wait(Interest::writable, Deadline::now()) == WaitResult::ready));
    client.sendall("x");
    BOOST_TEST((server.wait(Interest::readable, Deadline::never()) == WaitResult::ready));
}

BOOST_AUTO_TEST_CASE(ready_when_the_peer_ends_or_resets) {
    auto [server, client] = tcp_connection();
    client.close();
    BOOST_TEST((server.wait(Interest::readable, Deadline::never()) == WaitResult::ready));
    auto [second, other] = tcp_connection();
    reset(other);
    BOOST_TEST((second.wait(Interest::readable, Deadline::never()) == WaitResult::ready));
    BOOST_TEST((second.wait(Interest::writable, Deadline::never()) == WaitResult::ready));
}

BOOST_AUTO_TEST_CASE(timed_out_when_the_deadline_comes_first) {
    auto [server, client] = tcp_connection();
    BOOST_TEST((server.wait(Interest::readable, Deadline::now()) == WaitResult::timed_out));
    const auto begin = std::chrono::steady_clock::now();
    BOOST_TEST((server.wait(Interest::readable, Deadline::after(20ms)) == WaitResult::timed_out));
    BOOST_TEST((std::chrono::steady_clock::now() - begin >= 20ms));
    fill(server);
    BOOST_TEST((server.wait(Interest::writable, Deadline::after(1ms)) == WaitResult::timed_out));
}

BOOST_AUTO_TEST_CASE(a_deadline_is_kept_under_a_storm_of_signals) {
    auto [server, client] = tcp_connection();
    const SignalStorm storm;
    const auto begin = std::chrono::steady_clock::now();
    BOOST_TEST((server.wait(Interest::readable, Deadline::after(100ms)) == WaitResult::timed_out));
    BOOST_TEST((sleep_for(100ms) == WaitResult::timed_out));
    BOOST_TEST((std::chrono::steady_clock::now() - begin >= 200ms));
}

BOOST_AUTO_TEST_CASE(stopped_when_the_request_is_asked_to_end_during_the_wait) {
    for (Ends (*const connection)() : {tcp_connection, unix_connection}) {
        auto [server, client] = connection();
        RequestRegistry registry;
        socketserver::detail::ServedRequest::enter(server, registry);
        Waiting waiting([&server = server] { return server.wait(Interest::readable, Deadline::never()); });
        BOOST_TEST(waiting.sleeps());
        registry.stop_all();
        BOOST_TEST((waiting.get() == WaitResult::stopped));
        server.close();
    }
}

BOOST_AUTO_TEST_CASE(stopped_at_once_when_the_request_was_asked_to_end_before) {
    auto [server, client] = tcp_connection();
    RequestRegistry registry;
    socketserver::detail::ServedRequest::enter(server, registry);
    registry.stop_all();
    BOOST_TEST((server.wait(Interest::readable, Deadline::never()) == WaitResult::stopped));
    // Replying is still possible.
    BOOST_TEST((server.wait(Interest::writable, Deadline::never()) == WaitResult::ready));
    server.close();
}

BOOST_AUTO_TEST_CASE(ready_after_a_stop_while_something_received_is_unread) {
    auto [server, client] = tcp_connection();
    RequestRegistry registry;
    socketserver::detail::ServedRequest::enter(server, registry);
    client.sendall("x");
    BOOST_TEST_REQUIRE(arrive(server, 1));
    registry.stop_all();
    BOOST_TEST((server.wait(Interest::readable, Deadline::never()) == WaitResult::ready));
    BOOST_TEST(server.recv(1) == "x");
    BOOST_TEST((server.wait(Interest::readable, Deadline::never()) == WaitResult::stopped));
    server.close();
}

BOOST_AUTO_TEST_CASE(cut_ends_a_wait_on_any_socket_and_every_later_one) {
    auto [server, client] = tcp_connection();
    auto [other, peer] = unix_connection();
    const Wakeup cut;
    Waiting waiting([&server = server, &other = other, &cut] {
        PollWaiter waiter(cut);
        const ScopedWaiter scope(waiter);
        return std::array{other.wait(Interest::readable, Deadline::never()),
                          server.wait(Interest::writable, Deadline::never()), sleep_for(1h)};
    });
    BOOST_TEST(waiting.sleeps());
    cut.notify();
    for (const WaitResult result : waiting.get())
        BOOST_TEST((result == WaitResult::cut));
}

BOOST_AUTO_TEST_CASE(cut_ends_a_blocking_call_on_a_socket_that_is_not_the_request_s) {
    // A database connection inside a handler: the kernel must not block where nobody could end it.
    auto [other, peer] = unix_connection();
    Socket listener = create_server(Address("127.0.0.1", 0));
    const Wakeup cut;
    Waiting waiting([&other = other, &listener, &cut] {
        PollWaiter waiter(cut);
        const ScopedWaiter scope(waiter);
        std::array<error_code, 4> errors;
        static_cast<void>(other.recv(1, 0, errors[0]));
        static_cast<void>(listener.accept(errors[1]));
        fill(other);
        other.sendall("x", errors[2]);
        other.send("x", 0, errors[3]);
        return errors;
    });
    BOOST_TEST(waiting.sleeps());
    cut.notify();
    for (const error_code& error : waiting.get())
        BOOST_TEST(error == system_code(ECANCELED));
}

BOOST_AUTO_TEST_CASE(cut_is_a_status_for_buffered_readers_and_writers) {
    auto [server, client] = tcp_connection();
    const Wakeup cut;
    cut.notify();
    PollWaiter waiter(cut);
    const ScopedWaiter scope(waiter);
    std::array<std::byte, 1> buffer{};
    error_code error;
    BOOST_TEST((server.read_some(buffer, error).status == IoStatus::cut));
    BOOST_TEST(!error);
    fill(server);
    BOOST_TEST((server.write_all("x", error).status == IoStatus::cut));
    BOOST_TEST(!error);
}

BOOST_AUTO_TEST_CASE(cut_ends_a_sleep) {
    const Wakeup cut;
    Waiting waiting([&cut] {
        PollWaiter waiter(cut);
        const ScopedWaiter scope(waiter);
        return sleep_for(1h);
    });
    BOOST_TEST(waiting.sleeps());
    cut.notify();
    BOOST_TEST((waiting.get() == WaitResult::cut));
}

BOOST_AUTO_TEST_CASE(a_read_blocked_in_the_kernel_is_ended_by_stop_and_by_cut) {
    for (Ends (*const connection)() : {tcp_connection, unix_connection}) {
        for (void (RequestRegistry::*const end)() noexcept : {&RequestRegistry::stop_all, &RequestRegistry::cut_all}) {
            auto [server, client] = connection();
            RequestRegistry registry;
            socketserver::detail::ServedRequest::enter(server, registry);
            Waiting waiting([&server = server] { return server.recv(100); });
            BOOST_TEST(waiting.sleeps());
            (registry.*end)();
            BOOST_TEST(waiting.get() == "");
            server.close();
        }
    }
}

BOOST_AUTO_TEST_CASE(a_write_blocked_in_the_kernel_is_ended_by_cut) {
    for (Ends (*const connection)() : {tcp_connection, unix_connection}) {
        auto [server, client] = connection();
        RequestRegistry registry;
        socketserver::detail::ServedRequest::enter(server, registry);
        fill(server);
        Waiting waiting([&server = server] {
            error_code error;
            server.sendall("x", error);
            return error;
        });
        BOOST_TEST(waiting.sleeps());
        registry.cut_all();
        BOOST_TEST(waiting.get() == system_code(EPIPE));
        server.close();
    }
}

BOOST_AUTO_TEST_CASE(a_reader_that_waits_gives_out_the_end_of_the_stream_on_stop) {
    for (Ends (*const connection)() : {tcp_connection, unix_connection}) {
        auto [server, client] = connection();
        RequestRegistry registry;
        socketserver::detail::ServedRequest::enter(server, registry);
        client.sendall("one\nhalf");
        Waiting waiting([&server = server] {
            BufferedReader reader(server);
            std::vector<std::string> lines;
            while (const auto line = reader.read_line())
                lines.emplace_back(*line);
            server.sendall("bye");
            return lines;
        });
        BOOST_TEST(eventually([&server = server] { return queued(server.fileno()) == 0; }));
        BOOST_TEST(waiting.sleeps());
        registry.stop_all();
        BOOST_TEST(waiting.get() == std::vector<std::string>{"one"}, boost::test_tools::per_element());
        BOOST_TEST(client.recv(100) == "bye");
        server.close();
    }
}

BOOST_AUTO_TEST_CASE(pending_output_leaves_once_before_a_wait) {
    std::string log;
    Output a(log, 'a');
    Output b(log, 'b');
    Output c(log, 'c');
    a.link();
    b.link();
    c.link();
    a.link();
    sleep_for(0ms);
    BOOST_TEST(sorted(log) == "abc");
    sleep_for(0ms);
    BOOST_TEST(sorted(log) == "abc");
    b.link();
    BOOST_TEST((Waiter::current().sleep_until(Deadline::now()) == WaitResult::timed_out));
    BOOST_TEST(sorted(log) == "abbc");
}

BOOST_AUTO_TEST_CASE(output_that_is_taken_back_or_gone_does_not_leave) {
    for (const int gone : {0, 1, 2}) {
        std::string log;
        Output a(log, 'a');
        Output b(log, 'b');
        Output c(log, 'c');
        for (Output* const output : {&a, &b, &c})
            output->link();
        std::array<Output*, 3>{&a, &b, &c}.at(static_cast<std::size_t>(gone))->unlink();
        {
            Output d(log, 'd');
            d.link();
        }
        sleep_for(0ms);
        std::string expected = "abc";
        expected.erase(static_cast<std::size_t>(gone), 1);
        BOOST_TEST(sorted(log) == expected);
    }
}

BOOST_AUTO_TEST_CASE(output_written_while_others_leave_leaves_too) {
    std::string log;
    Output a(log, 'a');
    a.again = true;
    a.link();
    sleep_for(0ms);
    BOOST_TEST(log == "aa");
}

BOOST_AUTO_TEST_CASE(each_thread_has_a_waiter_of_its_own) {
    Waiter* const mine = &Waiter::current();
    BOOST_TEST(&Waiter::current() == mine);
    Waiting other([] { return &Waiter::current(); });
    BOOST_TEST(other.get() != mine);
}

BOOST_AUTO_TEST_CASE(an_installed_waiter_is_the_current_one_until_its_scope_ends) {
    Waiter* const own = &Waiter::current();
    PollWaiter outer;
    PollWaiter inner;
    {
        const ScopedWaiter first(outer);
        BOOST_TEST(&Waiter::current() == &outer);
        {
            const ScopedWaiter second(inner);
            BOOST_TEST(&Waiter::current() == &inner);
        }
        BOOST_TEST(&Waiter::current() == &outer);
    }
    BOOST_TEST(&Waiter::current() == own);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
