#include <socketserver/net/buffered_reader.hpp>
#include <socketserver/net/buffered_writer.hpp>

#include "fixtures.hpp"
#include "support/case_guard.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>

// The limits of time that readers, writers and sockets keep. That they end a wait, and which of them, is asserted; how soon is the
// watchdog's concern.

namespace socketserver::test {

namespace {

constexpr auto brief = 50ms;

/// A stream in pieces that notes the limits of each read.
class NotingStream final : public FakeStream {
public:
    using FakeStream::FakeStream;

    IoResult read_some_lazily(ReadBuffer& buffer, const ReadLimits& limits, error_code& error) override {
        noted.push_back(limits);
        return read_some(buffer.obtain(), error);
    }

    std::vector<ReadLimits> noted;
};

/// Does something small again and again, until it says that it is enough or the scope ends.
class Trickle {
public:
    template <class F>
    explicit Trickle(F drop)
        : thread_([this, drop] {
              while (!done_ && drop())
                  std::this_thread::sleep_for(1ms);
          }) {}
    ~Trickle() { done_ = true; }

private:
    std::atomic<bool> done_{false};
    Background thread_;
};

std::string from(const Socket& socket) {
    return " from " + socket.peer_name();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(limits_of_time, CaseGuard)

BOOST_AUTO_TEST_CASE(a_line_that_trickles_in_has_its_time) {
    auto [server, client] = tcp_connection();
    BufferedReader reader(server);
    reader.set_line_timeout(brief);
    const Trickle trickle([&client = client] {
        error_code gone;
        client.send("x", 0, gone);
        return !gone;
    });
    CHECK_FAILS(reader.read_line(), ETIMEDOUT, "line not complete within 0.05 s" + from(server));
}

BOOST_AUTO_TEST_CASE(a_line_that_never_ends_has_its_time_though_each_read_may_take_longer) {
    auto [server, client] = tcp_connection();
    server.settimeout(1h);
    BufferedReader reader(server);
    reader.set_idle_timeout(2h);
    reader.set_line_timeout(brief);
    client.sendall("whole\nhalf");
    BOOST_TEST(reader.read_line().value() == "whole");
    CHECK_FAILS(reader.read_line(), ETIMEDOUT, "line not complete within 0.05 s" + from(server));
    client.sendall(" and half\n");
    BOOST_TEST(reader.read_line().value() == "half and half");
}

BOOST_AUTO_TEST_CASE(a_line_that_comes_at_once_never_looks_at_the_clock) {
    auto [server, client] = tcp_connection();
    BufferedReader reader(server);
    reader.set_line_timeout(0s);
    client.sendall("one\ntwo\n");
    BOOST_TEST(reader.read_line().value() == "one");
    BOOST_TEST(reader.read_line().value() == "two");
    client.sendall("half");
    BOOST_TEST(arrive(server, 4));
    CHECK_FAILS(reader.read_line(), ETIMEDOUT, "line not complete within 0 s");
}

BOOST_AUTO_TEST_CASE(the_time_between_two_pieces_still_counts_within_a_line) {
    auto [server, client] = tcp_connection();
    server.settimeout(brief);
    BufferedReader reader(server);
    reader.set_line_timeout(1h);
    client.sendall("half");
    CHECK_FAILS(reader.read_line(), ETIMEDOUT, "recv" + from(server));
}

BOOST_AUTO_TEST_CASE(a_connection_may_be_idle_for_so_long) {
    auto [server, client] = tcp_connection();
    BufferedReader reader(server);
    reader.set_idle_timeout(brief);
    CHECK_FAILS(reader.read_line(), ETIMEDOUT, "nothing received within 0.05 s" + from(server));
    CHECK_FAILS(reader.read_some(), ETIMEDOUT, "nothing received within 0.05 s" + from(server));
    client.sendall("still here\n");
    BOOST_TEST(reader.read_line().value() == "still here");
}

BOOST_AUTO_TEST_CASE(the_idle_limit_is_for_the_beginning_of_a_line_alone) {
    NotingStream stream({"ha", "lf\n", "some", "block", "more"});
    BufferedReader reader(stream);
    reader.set_idle_timeout(3s);
    reader.set_line_timeout(1h);
    BOOST_TEST(reader.read_line().value() == "half");
    BOOST_TEST(reader.read_some() == "some");
    BOOST_TEST(reader.read(5) == "block");
    BOOST_TEST(reader.read_all(4) == "more");
    BOOST_TEST_REQUIRE(stream.noted.size() == 6U);
    BOOST_TEST((stream.noted[0].timeout == 3s));
    BOOST_TEST(stream.noted[0].deadline.is_never());
    BOOST_TEST(!stream.noted[1].timeout.has_value());
    BOOST_TEST(!stream.noted[1].deadline.is_never());
    BOOST_TEST((stream.noted[2].timeout == 3s));
    for (const std::size_t later : {2U, 3U, 4U, 5U})
        BOOST_TEST(stream.noted[later].deadline.is_never());
    for (const std::size_t block : {3U, 4U, 5U})
        BOOST_TEST(!stream.noted[block].timeout.has_value());
}

BOOST_AUTO_TEST_CASE(a_request_of_several_lines_has_its_time) {
    auto [server, client] = tcp_connection();
    BufferedReader reader(server);
    reader.set_deadline(Deadline::after(brief));
    const Trickle trickle([&client = client] {
        error_code gone;
        client.send("x\n", 0, gone);
        return !gone;
    });
    const auto read_them_all = [&reader] {
        while (reader.read_line()) {
        }
    };
    CHECK_FAILS(read_them_all(), ETIMEDOUT, "request not complete in time" + from(server));
    CHECK_FAILS(reader.read(1000), ETIMEDOUT, "request not complete in time" + from(server));
    reader.set_deadline(Deadline::never());
    BOOST_TEST(reader.read_line().has_value());
}

BOOST_AUTO_TEST_CASE(a_time_out_that_the_kernel_keeps_for_idleness_is_no_other_reads) {
    auto [server, client] = tcp_connection();
    BufferedReader reader(server);
    reader.set_idle_timeout(brief);
    CHECK_FAILS(reader.read_line(), ETIMEDOUT, "nothing received within");
    Waiting unlimited([&server = server] { return server.recv(5); });
    std::this_thread::sleep_for(2 * brief);  // time for it to end, should it be wrong
    client.sendall("later");
    BOOST_TEST(unlimited.get() == "later");
    server.settimeout(brief);
    CHECK_FAILS(server.recv(1), ETIMEDOUT, "recv" + from(server));
}

BOOST_AUTO_TEST_CASE(a_peer_that_reads_nothing_has_its_time) {
    for (Ends& ends : std::array{tcp_connection(), unix_connection()}) {
        ends.server.settimeout(1h);
        ends.server.set_write_timeout(brief);
        BufferedWriter writer(ends.server);
        const std::string peer = ends.server.peer_name();
        const auto write_for_ever = [&writer] {
            for (;;)
                writer << "more and more ";
        };
        CHECK_FAILS(write_for_ever(), ETIMEDOUT,
                    "output not taken within 0.05 s" + (peer.empty() ? "" : " by " + peer));
        CHECK_FAILS(ends.server.sendall(std::string(64U << 20U, 'x')), ETIMEDOUT, "send to");
    }
}

BOOST_AUTO_TEST_CASE(a_peer_that_reads_a_little_now_and_then_gets_no_more_time) {
    for (Ends& ends : std::array{tcp_connection(), unix_connection()}) {
        ends.server.set_write_timeout(4 * brief);
        ends.server.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096);
        BufferedWriter writer(ends.server);
        const Trickle trickle([&client = ends.client] {
            error_code nothing_there;
            static_cast<void>(client.recv(100, MSG_DONTWAIT, nothing_there));
            return true;
        });
        CHECK_FAILS(writer.write(std::string(64U << 20U, 'x')), ETIMEDOUT, "output not taken within 0.2 s");
    }
}

BOOST_AUTO_TEST_CASE(a_socket_that_does_not_wait_goes_on_not_waiting) {
    auto [server, client] = tcp_connection();
    server.setblocking(false);
    server.set_write_timeout(1h);
    fill(server);
    CHECK_FAILS(server.sendall("x"), EAGAIN, "send to");
    BufferedReader reader(server);
    reader.set_idle_timeout(1h);
    CHECK_FAILS(reader.read_line(), EAGAIN, "recv from");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
