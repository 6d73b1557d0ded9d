#include "fixtures.hpp"

#include <socketserver/fiber/condition_variable.hpp>
#include <socketserver/fiber/mutex.hpp>
#include <socketserver/net/detail/served_request.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <ctime>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

// Time that passes while a loop does not run: its thread computes, or its process is stopped. What has come in time wins over the
// time-out that has passed meanwhile.

namespace socketserver::test {

namespace {

namespace data = boost::unit_test::data;

constexpr std::chrono::milliseconds timeout{50};

/// Computes until a time-out that begins now is over, and that of everybody who began before.
void compute() {
    const Deadline over = Deadline::after(2 * timeout);
    while (!over.expired()) {
    }
}

/// While the calling thread waits in the kernel: a signal that sends input and does not return before every time-out is over. To
/// the thread it looks as if its process had been stopped meanwhile; the system call fails with EINTR then, or goes on.
///
/// One at a time. Thread: the one that waits.
class Pause {
public:
    /// \param sends what the signal sends a byte to
    explicit Pause(const Socket& sends) {
        fd_ = sends.fileno();
        struct sigaction action {};
        action.sa_handler = [](int) {
            const int saved = errno;
            [[maybe_unused]] const auto sent = ::send(fd_, "x", 1, MSG_NOSIGNAL);
            compute();
            errno = saved;
        };
        ::sigaction(SIGUSR1, &action, &former_);
        sigevent event{};
        event.sigev_notify = SIGEV_SIGNAL;
        event.sigev_signo = SIGUSR1;
        BOOST_TEST_REQUIRE(::timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0);
        itimerspec when{};
        when.it_value.tv_nsec = std::chrono::nanoseconds(timeout / 5).count();
        ::timer_settime(timer_, 0, &when, nullptr);
    }
    ~Pause() {
        ::timer_delete(timer_);
        ::sigaction(SIGUSR1, &former_, nullptr);
    }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

private:
    inline static volatile int fd_ = -1;
    struct sigaction former_ {};
    timer_t timer_{};
};

/// What may wait for a byte that comes on a connection.
struct Waits {
    const char* name;
    /// \return whether it came
    bool (*get)(FiberLoop& loop, Socket& socket);
};

bool when_told(FiberLoop& loop, Socket& socket) {
    std::optional<WaitResult> told;
    mutex guard;
    condition_variable changed;
    std::unique_lock lock(guard);
    loop.when_readable(socket.waitable(), Deadline::after(timeout), nullptr, [&](WaitResult waited) {
        const std::lock_guard locked(guard);
        told = waited;
        changed.notify_one();
    });
    static_cast<void>(changed.wait(lock, [&] { return told.has_value(); }));
    return told == WaitResult::ready;
}

const std::vector<Waits> kinds_of_waits{
    {"wait",
     [](FiberLoop&, Socket& socket) {
         return socket.wait(Interest::readable, Deadline::after(timeout)) == WaitResult::ready;
     }},
    {"recv",
     [](FiberLoop&, Socket& socket) {
         error_code error;
         socket.settimeout(timeout);
         return socket.recv(64, 0, error) == "x";
     }},
    {"recvfrom",
     [](FiberLoop&, Socket& socket) {
         error_code error;
         socket.settimeout(timeout);
         return socket.recvfrom(64, 0, error).first == "x";
     }},
    {"when_readable", when_told},
};

Ends datagram_sockets() {
    auto [server, client] = socketpair(AF_UNIX, SOCK_DGRAM);
    return {std::move(server), std::move(client)};
}

void wait_through_a_pause(SelectorKind kind, const Waits& waits, Ends (*connection)()) {
    auto [server, client] = connection();
    FiberLoop loop(FiberLoopOptions{.selector = kind});
    bool came = false;
    const Pause pause(client);
    loop.spawn([&, &socket = server] { came = waits.get(loop, socket); });
    run(loop);
    BOOST_TEST(came, waits.name);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pause, CaseGuard)

BOOST_DATA_TEST_CASE(what_came_while_the_process_did_not_run_wins_over_the_time_out, data::make(selector_kinds), kind) {
    for (const Waits& waits : kinds_of_waits)
        for (Ends (*const connection)() : {tcp_connection, unix_connection, datagram_sockets})
            wait_through_a_pause(kind, waits, connection);
}

BOOST_DATA_TEST_CASE(a_thread_that_waits_finds_what_came_meanwhile, data::make(std::vector{0, 1}), own_time_out) {
    // The kernel keeps the time, or the waiter does.
    auto [server, client] = tcp_connection();
    const Pause pause(client);
    server.settimeout(timeout);
    if (own_time_out == 0) {
        BOOST_TEST(server.recv(64) == "x");
    } else {
        BOOST_TEST(server.wait(Interest::readable, Deadline::after(timeout)) == WaitResult::ready);
    }
}

BOOST_DATA_TEST_CASE(many_that_have_input_all_get_it_after_a_pause, data::make(selector_kinds), kind) {
    // More than a selector tells of in two turns, and no more than select(2) can watch.
    constexpr std::size_t count = 600;
    Socket sender(AF_INET, SOCK_DGRAM);
    std::vector<Socket> sockets;
    std::vector<Address> addresses;
    for (std::size_t i = 0; i < count; ++i) {
        sockets.emplace_back(AF_INET, SOCK_DGRAM);
        sockets.back().bind(Address("127.0.0.1", 0));
        addresses.push_back(sockets.back().getsockname());
    }
    std::size_t ready = 0;
    FiberLoop loop(FiberLoopOptions{.selector = kind});
    for (Socket& each : sockets)
        loop.spawn([&ready, &each] {
            if (each.wait(Interest::readable, Deadline::after(timeout)) == WaitResult::ready)
                ++ready;
        });
    loop.spawn([&] {
        for (const Address& each : addresses)
            BOOST_TEST_REQUIRE(::sendto(sender.fileno(), "x", 1, 0, each.data(), each.size()) == 1);
        compute();
    });
    run(loop);
    BOOST_TEST(ready == count);
}

BOOST_DATA_TEST_CASE(a_notification_wins_over_the_time_out_that_has_passed_since, data::make(selector_kinds), kind) {
    mutex guard;
    condition_variable changed;
    bool notified = false;
    bool seen = false;
    run_fibers(
        kind,
        [&] {
            std::unique_lock lock(guard);
            while (!notified && changed.wait_until(lock, Deadline::after(timeout)) == WaitResult::ready) {
            }
            seen = notified;
        },
        [&] {
            std::thread([&] {
                const std::lock_guard lock(guard);
                notified = true;
                changed.notify_one();
            }).join();
            compute();
        });
    BOOST_TEST(seen);
}

BOOST_DATA_TEST_CASE(room_that_came_before_the_time_out_is_used, data::make(selector_kinds), kind) {
    // Nothing tells that a Unix peer's queue has room again: time has to pass.
    const Address address = Address::unix_path("@pause_test-" + std::to_string(::getpid()));
    error_code error;
    Socket named(AF_UNIX, SOCK_DGRAM);
    named.bind(address);
    Socket writer(AF_UNIX, SOCK_DGRAM);
    writer.settimeout(0s);
    while (!error)
        writer.sendto("x", address, 0, error);
    BOOST_TEST(error == system_code(EAGAIN));
    writer.settimeout(timeout);
    run_fibers(
        kind, [&, &socket = writer] { socket.sendto("y", address, 0, error); },
        [&] {
            named.settimeout(0s);
            for (error_code none; !none;)
                static_cast<void>(named.recv(64, 0, none));
            compute();
        });
    BOOST_TEST(!error);
}

BOOST_DATA_TEST_CASE(room_of_a_shared_socket_that_came_before_the_time_out_is_used, data::make(selector_kinds), kind) {
    // Nothing tells one loop of it, for another one may have been told.
    auto [server, client] = unix_connection();
    socketserver::detail::ServedRequest::share(server);
    while (::send(server.fileno(), "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1) {
    }
    std::optional<WaitResult> waited;
    run_fibers(
        kind, [&, &socket = server] { waited = socket.wait(Interest::writable, Deadline::after(timeout)); },
        [&peer = client] {
            peer.settimeout(0s);
            for (error_code none; !none;)
                static_cast<void>(peer.recv(65'536, 0, none));
            compute();
        });
    BOOST_TEST((waited == WaitResult::ready));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
