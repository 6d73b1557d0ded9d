#include <socketserver/net/socket.hpp>

#include "fixtures.hpp"
#include "support/case_guard.hpp"
#include "support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

// How long a socket waits. That a wait ends is asserted, and that it does not end early; how late it may end is the
// watchdog's concern.

namespace socketserver::test {

namespace {

constexpr auto brief = 50ms;
using Clock = std::chrono::steady_clock;

/// Runs what must time out, and checks that it did not do so early.
template <class F>
void check_waits_for(std::chrono::milliseconds span, F f) {
    const auto begin = Clock::now();
    f();
    BOOST_TEST((Clock::now() - begin >= span));
}

/// A Unix listener with a full queue, and the connections that fill it.
struct FullListener {
    FullListener() : address(Address::unix_path(folder / "socket")), listener(AF_UNIX) {
        listener.bind(address);
        listener.listen(0);
        for (;;) {
            Socket client(AF_UNIX);
            client.setblocking(false);
            if (client.connect_ex(address))
                break;
            queue.push_back(std::move(client));
        }
    }
    TemporaryDirectory folder;
    Address address;
    Socket listener;
    std::vector<Socket> queue;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(socket_timeout, CaseGuard)

BOOST_AUTO_TEST_CASE(a_time_out_of_zero_never_waits) {
    Ends ends = tcp_connection();
    Socket& server = ends.server;
    [[maybe_unused]] Socket& client = ends.client;
    server.settimeout(0s);
    std::array<std::byte, 1> buffer{};
    CHECK_FAILS(server.recv(1), EAGAIN, "recv from " + server.peer_name());
    CHECK_FAILS(server.recv_into(buffer), EAGAIN, "recv from");
    CHECK_FAILS(server.recvfrom(1), EAGAIN, "recvfrom");
    error_code error;
    BOOST_TEST((server.read_some(buffer, error).status == IoStatus::would_block));
    BOOST_TEST(!error);
    fill(server);
    CHECK_FAILS(server.send("x"), EAGAIN, "send to " + server.peer_name());
    CHECK_FAILS(server.sendall("x"), EAGAIN, "send to");
    BOOST_TEST((server.write_all("x", error).status == IoStatus::would_block));
    BOOST_TEST(!error);
}

BOOST_AUTO_TEST_CASE(receiving_times_out) {
    for (Ends (*const connection)() : {tcp_connection, unix_connection}) {
        Ends ends = connection();
        Socket& server = ends.server;
        [[maybe_unused]] Socket& client = ends.client;
        server.settimeout(brief);
        std::array<std::byte, 1> buffer{};
        error_code error;
        for (int twice = 0; twice < 2; ++twice) {
            check_waits_for(brief, [&] { CHECK_FAILS(server.recv(1), ETIMEDOUT, "recv from"); });
            check_waits_for(brief, [&] { server.recv_into(buffer, 0, error); });
            BOOST_TEST(is_timeout(error));
            check_waits_for(brief, [&] { CHECK_FAILS(server.recvfrom(1), ETIMEDOUT, "recvfrom"); });
            check_waits_for(brief, [&] {
                BOOST_TEST((server.read_some(buffer, error).status == IoStatus::timed_out));
                BOOST_TEST(!error);
            });
        }
        client.sendall("late");
        BOOST_TEST(server.recv(100) == "late");
    }
}

BOOST_AUTO_TEST_CASE(a_time_out_shorter_than_the_kernel_s_tick_is_a_time_out) {
    Ends ends = tcp_connection();
    Socket& server = ends.server;
    [[maybe_unused]] Socket& client = ends.client;
    for (const std::chrono::nanoseconds timeout : {1ns, 999ns, 1'000ns, 1'000'000ns}) {
        server.settimeout(timeout);
        CHECK_FAILS(server.recv(1), ETIMEDOUT, "recv from");
    }
}

BOOST_AUTO_TEST_CASE(a_time_out_beyond_all_measure_is_none) {
    Ends ends = tcp_connection();
    Socket& server = ends.server;
    [[maybe_unused]] Socket& client = ends.client;
    server.settimeout(std::chrono::nanoseconds::max());
    client.sendall("x");
    BOOST_TEST(server.recv(1) == "x");
    server.sendall("y");
    BOOST_TEST(client.recv(1) == "y");
}

BOOST_AUTO_TEST_CASE(the_time_out_can_be_changed_and_taken_away) {
    Ends ends = tcp_connection();
    Socket& server = ends.server;
    [[maybe_unused]] Socket& client = ends.client;
    server.settimeout(brief);
    CHECK_FAILS(server.recv(1), ETIMEDOUT, "recv from");
    server.settimeout(std::nullopt);
    std::atomic<bool> sent{false};
    Background sending([&client, &sent] {
        std::this_thread::sleep_for(4 * brief);  // longer than the time-out that is gone
        sent = true;
        client.sendall("x");
    });
    BOOST_TEST(server.recv(1) == "x");
    BOOST_TEST(sent.load());
}

BOOST_AUTO_TEST_CASE(a_non_blocking_descriptor_waits_as_the_time_out_says) {
    // The flag belongs to the open file, which duplicates and other processes share.
    Ends ends = tcp_connection();
    Socket& server = ends.server;
    [[maybe_unused]] Socket& client = ends.client;
    BOOST_TEST(::fcntl(server.fileno(), F_SETFL, O_NONBLOCK | O_RDWR) == 0);
    server.settimeout(brief);
    check_waits_for(brief, [&] { CHECK_FAILS(server.recv(1), ETIMEDOUT, "recv from"); });
    server.settimeout(std::nullopt);
    Waiting receiving([&server] { return server.recv(1); });
    BOOST_TEST(receiving.sleeps());
    client.sendall("x");
    BOOST_TEST(receiving.get() == "x");
}

BOOST_AUTO_TEST_CASE(a_duplicate_has_a_time_out_of_its_own) {
    // The kernel's time-out belongs to the open file as well.
    Ends ends = tcp_connection();
    Socket& server = ends.server;
    [[maybe_unused]] Socket& client = ends.client;
    Socket duplicate = fromfd(server.fileno());
    server.settimeout(brief);
    CHECK_FAILS(server.recv(1), ETIMEDOUT, "recv from");
    Background sending([&client] {
        std::this_thread::sleep_for(4 * brief);
        client.sendall("x");
    });
    BOOST_TEST(duplicate.recv(1) == "x");
}

BOOST_AUTO_TEST_CASE(accepting_times_out) {
    Socket listener = create_server(Address("127.0.0.1", 0));
    listener.settimeout(brief);
    check_waits_for(brief, [&] { CHECK_FAILS(listener.accept(), ETIMEDOUT, "accept"); });
    error_code error;
    check_waits_for(brief, [&] { BOOST_TEST(!listener.accept(error).first.is_open()); });
    BOOST_TEST(is_timeout(error));
}

BOOST_AUTO_TEST_CASE(connecting_to_a_full_unix_queue_times_out) {
    FullListener full;
    Socket client(AF_UNIX);
    client.settimeout(brief);
    check_waits_for(
        brief, [&] { CHECK_FAILS(client.connect(full.address), ETIMEDOUT, "connect to " + full.address.to_string()); });
    BOOST_TEST((::fcntl(client.fileno(), F_GETFL) & O_NONBLOCK) == 0);
    client.setblocking(false);
    BOOST_TEST(client.connect_ex(full.address) == system_code(EAGAIN));
}

BOOST_AUTO_TEST_CASE(connecting_to_a_full_unix_queue_succeeds_when_there_is_room) {
    FullListener full;
    Socket client(AF_UNIX);
    Waiting connecting([&client, &full] { return client.connect_ex(full.address); });
    BOOST_TEST(connecting.sleeps());
    static_cast<void>(full.listener.accept());
    BOOST_TEST(connecting.get() == error_code());
    BOOST_TEST(client.peer_name() == full.address.to_string());
}

BOOST_AUTO_TEST_CASE(connecting_without_waiting_goes_on_by_itself) {
    Socket listener = create_server(Address("127.0.0.1", 0));
    Socket client(AF_INET);
    client.setblocking(false);
    const error_code error = client.connect_ex(listener.getsockname());
    BOOST_TEST((!error || error == system_code(EINPROGRESS)));
    BOOST_TEST((client.wait(Interest::writable, Deadline::never()) == WaitResult::ready));
    BOOST_TEST(client.getsockopt(SOL_SOCKET, SO_ERROR) == 0);
    BOOST_TEST(client.getpeername() == listener.getsockname());
    // Its errors name the peer all the same.
    CHECK_FAILS(client.recv(1), EAGAIN, "recv from " + listener.getsockname().to_string());
}

BOOST_AUTO_TEST_CASE(sending_to_a_peer_that_never_reads_times_out) {
    for (Ends (*const connection)() : {tcp_connection, unix_connection}) {
        Ends ends = connection();
        Socket& server = ends.server;
        [[maybe_unused]] Socket& client = ends.client;
        server.settimeout(brief);
        const std::string big(32U << 20U, 'x');
        check_waits_for(brief, [&] { CHECK_FAILS(server.sendall(big), ETIMEDOUT, "send to"); });
        error_code error;
        check_waits_for(brief, [&] { BOOST_TEST(server.sendall(big, error) < big.size()); });
        BOOST_TEST(is_timeout(error));
        fill(server);
        check_waits_for(brief, [&] { CHECK_FAILS(server.send("x"), ETIMEDOUT, "send to"); });
        check_waits_for(brief, [&] {
            const IoResult result = server.write_all("x", error);
            BOOST_TEST((result.status == IoStatus::timed_out));
            BOOST_TEST(result.bytes == 0U);
        });
    }
}

BOOST_AUTO_TEST_CASE(the_time_out_of_sendall_is_for_the_whole) {
    // The peer takes a little all the time: no single wait is longer than the time-out, all together are.
    for (Ends (*const connection)() : {tcp_connection, unix_connection}) {
        Ends ends = connection();
        Socket& server = ends.server;
        [[maybe_unused]] Socket& client = ends.client;
        server.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096);
        client.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096);
        server.settimeout(4 * brief);
        const std::string big(16U << 20U, 'x');
        std::atomic<bool> done{false};
        std::size_t received = 0;
        Background reading([&client, &done, &received] {
            while (!done) {
                received += client.recv(4096).size();
                std::this_thread::sleep_for(brief / 10);
            }
            received += receive_to_the_end(client).size();
        });
        error_code error;
        const std::size_t sent = server.sendall(big, error);
        BOOST_TEST(is_timeout(error));
        BOOST_TEST(sent < big.size());
        server.close();
        done = true;
        reading.join();
        BOOST_TEST(received == sent);
    }
}

BOOST_AUTO_TEST_CASE(a_time_out_ends_under_a_storm_of_signals) {
    Ends ends = tcp_connection();
    Socket& server = ends.server;
    [[maybe_unused]] Socket& client = ends.client;
    Socket listener = create_server(Address("127.0.0.1", 0));
    FullListener full;
    Socket local(AF_UNIX);
    for (Socket* const socket : {&server, &listener, &local})
        socket->settimeout(4 * brief);
    const SignalStorm storm;
    check_waits_for(4 * brief, [&] { CHECK_FAILS(server.recv(1), ETIMEDOUT, "recv from"); });
    check_waits_for(4 * brief, [&] { CHECK_FAILS(listener.accept(), ETIMEDOUT, "accept"); });
    check_waits_for(4 * brief, [&] { CHECK_FAILS(local.connect(full.address), ETIMEDOUT, "connect to"); });
    check_waits_for(4 * brief,
                    [&] { CHECK_FAILS(server.sendall(std::string(32U << 20U, 'x')), ETIMEDOUT, "send to"); });
}

BOOST_AUTO_TEST_CASE(sendfile_to_a_peer_that_never_reads_times_out) {
    const TemporaryDirectory folder;
    const UniqueFd file{::open((folder / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    BOOST_REQUIRE(::ftruncate(file.get(), 1L << 30) == 0);
    Ends ends = tcp_connection();
    Socket& server = ends.server;
    [[maybe_unused]] Socket& client = ends.client;
    server.settimeout(brief);
    check_waits_for(brief, [&] { CHECK_FAILS(server.sendfile(file.get()), ETIMEDOUT, "sendfile to"); });
    server.setblocking(false);
    CHECK_FAILS(server.sendfile(file.get()), EAGAIN, "sendfile to");
}

BOOST_AUTO_TEST_CASE(a_full_unix_datagram_peer_is_waited_for_without_spinning) {
    // The kernel calls the sender writable all the time.
    const TemporaryDirectory folder;
    Socket receiver(AF_UNIX, SOCK_DGRAM);
    receiver.bind(Address::unix_path(folder / "receiver"));
    Socket sender(AF_UNIX, SOCK_DGRAM);
    sender.setblocking(false);
    error_code full;
    int sent = 0;
    for (; !full; ++sent)
        sender.sendto("x", receiver.getsockname(), 0, full);
    BOOST_TEST(full == system_code(EAGAIN));
    sender.settimeout(8 * brief);
    {
        const SignalStorm storm;  // drives it out of the kernel's own wait
        const auto before = processor_time();
        check_waits_for(8 * brief,
                        [&] { CHECK_FAILS(sender.sendto("x", receiver.getsockname()), ETIMEDOUT, "sendto"); });
        BOOST_TEST((processor_time() - before < 4 * brief));
    }
    sender.settimeout(std::nullopt);
    Waiting writing([&sender, address = receiver.getsockname()] { return sender.sendto("y", address); });
    BOOST_TEST(writing.sleeps());
    BOOST_TEST(receiver.recv(10) == "x");
    BOOST_TEST(writing.get() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
