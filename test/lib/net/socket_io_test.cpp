#include <socketserver/net/socket.hpp>

#include "fixtures.hpp"
#include "support/case_guard.hpp"
#include "support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

// How a socket moves bytes.

namespace socketserver::test {

namespace {

/// An open file that holds these bytes.
class File {
public:
    explicit File(std::string_view bytes)
        : fd_(::open((folder_ / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
        BOOST_REQUIRE(::write(fd_.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    }
    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] off_t position() const { return ::lseek(fd_.get(), 0, SEEK_CUR); }

private:
    TemporaryDirectory folder_;
    UniqueFd fd_;
};

/// Gives a signal its default effect for the length of a scope: SIGPIPE ends the program.
class DefaultDisposition {
public:
    explicit DefaultDisposition(int signal) : signal_(signal), former_(::signal(signal, SIG_DFL)) {}
    ~DefaultDisposition() { ::signal(signal_, former_); }
    DefaultDisposition(const DefaultDisposition&) = delete;
    DefaultDisposition& operator=(const DefaultDisposition&) = delete;

private:
    int signal_;
    sighandler_t former_;
};

bool pending(int signal) {
    sigset_t set;
    ::sigpending(&set);
    return ::sigismember(&set, signal) == 1;
}

/// A connection whose other end is gone, so that a write is an EPIPE.
Socket broken_connection() {
    auto [server, client] = tcp_connection();
    reset(client);
    error_code reset_by_peer;
    static_cast<void>(server.recv(1, 0, reset_by_peer));
    return std::move(server);
}

/// Receives everything in the background.
class Receiver {
public:
    explicit Receiver(Socket& socket, std::size_t piece = 65'536)
        : thread_([this, &socket, piece] {
              for (std::string data = socket.recv(piece); !data.empty(); data = socket.recv(piece)) {
                  hash_.add(data);
                  count_ += data.size();
              }
          }) {}
    std::uint64_t hash() {
        thread_.join();
        return hash_.value();
    }
    std::size_t count() {
        thread_.join();
        return count_;
    }

private:
    Hash hash_;
    std::size_t count_ = 0;
    Background thread_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(socket_io, CaseGuard)

BOOST_AUTO_TEST_CASE(recv_returns_what_came_and_empty_at_the_end) {
    auto [server, client] = tcp_connection();
    client.sendall("hello");
    BOOST_TEST_REQUIRE(arrive(server, 5));
    BOOST_TEST(server.recv(2) == "he");
    BOOST_TEST(server.recv(100, MSG_PEEK) == "llo");
    std::array<char, 100> buffer{};
    BOOST_TEST(server.recv_into(std::as_writable_bytes(std::span{buffer})) == 3U);
    BOOST_TEST(std::string_view(buffer.data(), 3) == "llo");
    client.close();
    BOOST_TEST(server.recv(100).empty());
    BOOST_TEST(server.recv_into(std::as_writable_bytes(std::span{buffer})) == 0U);
}

BOOST_AUTO_TEST_CASE(recvfrom_and_sendto_carry_datagrams) {
    Socket one(AF_INET, SOCK_DGRAM);
    one.bind(Address("127.0.0.1", 0));
    Socket two(AF_INET, SOCK_DGRAM);
    two.bind(Address("127.0.0.1", 0));
    BOOST_TEST(one.sendto("hello", two.getsockname()) == 5U);
    const auto [data, peer] = two.recvfrom(100);
    BOOST_TEST(data == "hello");
    BOOST_TEST(peer == one.getsockname());
    error_code error;
    BOOST_TEST(two.sendto("", peer, 0, error) == 0U);
    BOOST_TEST(!error);
    BOOST_TEST(one.recvfrom(100, 0, error).second == two.getsockname());
    CHECK_FAILS(one.sendto(std::string(70'000, 'x'), peer), EMSGSIZE, "sendto " + peer.to_string());
}

BOOST_AUTO_TEST_CASE(recvmsg_tells_flags_and_lengths) {
    auto [one, two] = socketpair(AF_UNIX, SOCK_DGRAM);
    one.sendall("hello");
    std::array<char, 3> buffer{};
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    error_code error;
    BOOST_TEST(two.recvmsg(message, 0, error) == 3U);
    BOOST_TEST(!error);
    BOOST_TEST((message.msg_flags & MSG_TRUNC) != 0);
    two.setblocking(false);
    two.recvmsg(message, 0, error);
    BOOST_TEST(error == system_code(EAGAIN));
}

BOOST_AUTO_TEST_CASE(dontwait_is_obeyed_whatever_the_time_out) {
    auto [server, client] = unix_connection();
    for (const auto timeout :
         {std::optional<std::chrono::nanoseconds>{}, std::optional<std::chrono::nanoseconds>{1h}}) {
        server.settimeout(timeout);
        CHECK_FAILS(server.recv(1, MSG_DONTWAIT), EAGAIN, "recv");
        CHECK_FAILS(server.recvfrom(1, MSG_DONTWAIT), EAGAIN, "recvfrom");
        fill(server);
        CHECK_FAILS(server.send("x", MSG_DONTWAIT), EAGAIN, "send");
    }
}

BOOST_AUTO_TEST_CASE(half_closing_sends_eof_and_still_receives) {
    for (Ends (*const connection)() : {tcp_connection, unix_connection}) {
        auto [server, client] = connection();
        client.sendall("request");
        client.shutdown(SHUT_WR);
        BOOST_TEST(receive_to_the_end(server) == "request");
        server.sendall("reply");
        server.close();
        BOOST_TEST(receive_to_the_end(client) == "reply");
    }
}

BOOST_AUTO_TEST_CASE(a_reset_names_the_peer) {
    auto [server, client] = tcp_connection();
    const std::string peer = server.peer_name();
    reset(client);
    CHECK_FAILS(server.recv(1), ECONNRESET, "recv from " + peer);
    auto [second, other] = tcp_connection();
    reset(other);
    error_code error;
    std::array<std::byte, 1> buffer{};
    BOOST_TEST(second.read_some(buffer, error).bytes == 0U);
    BOOST_TEST(error == system_code(ECONNRESET));
}

BOOST_AUTO_TEST_CASE(urgent_data_does_not_disturb_the_rest) {
    for (const auto timeout :
         {std::optional<std::chrono::nanoseconds>{}, std::optional<std::chrono::nanoseconds>{1h}}) {
        auto [server, client] = tcp_connection();
        server.settimeout(timeout);
        Background sending([&client = client] {
            for (int i = 0; i < 100; ++i) {
                client.sendall("ordinary ");
                client.send("!", MSG_OOB);
            }
            client.close();
        });
        std::string expected;
        for (int i = 0; i < 100; ++i)
            expected += "ordinary ";
        // An urgent byte that another one overtakes becomes an ordinary one (tcp(7)).
        std::string received = receive_to_the_end(server);
        std::erase(received, '!');
        BOOST_TEST(received == expected);
    }
}

BOOST_AUTO_TEST_CASE(a_write_to_a_peer_that_is_gone_is_epipe_and_no_signal) {
    const DefaultDisposition deadly(SIGPIPE);
    const File file("0123456789");
    const std::string peer = "127.0.0.1:";
    Socket server = broken_connection();
    error_code error;
    CHECK_FAILS(server.send("x"), EPIPE, "send to " + peer);
    server.send("x", 0, error);
    BOOST_TEST(error == system_code(EPIPE));
    CHECK_FAILS(server.sendall("x"), EPIPE, "send to " + peer);
    BOOST_TEST(server.sendall("x", error) == 0U);
    BOOST_TEST(error == system_code(EPIPE));
    CHECK_FAILS(server.sendfile(file.fd()), EPIPE, "sendfile to " + peer);
    BOOST_TEST(server.sendfile(file.fd(), 0, 5, error) == 0U);
    BOOST_TEST(error == system_code(EPIPE));
    BOOST_TEST(!pending(SIGPIPE));
    auto [one, two] = unix_connection();
    two.close();
    CHECK_FAILS(one.sendto("x", Address()), EPIPE, "sendto");
}

BOOST_AUTO_TEST_CASE(sendfile_leaves_a_signal_alone_that_was_pending_before) {
    sigset_t pipe_signal;
    ::sigemptyset(&pipe_signal);
    ::sigaddset(&pipe_signal, SIGPIPE);
    sigset_t former;
    ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &former);
    ::pthread_kill(::pthread_self(), SIGPIPE);
    const File file("0123456789");
    Socket server = broken_connection();
    error_code error;
    server.sendfile(file.fd(), 0, std::nullopt, error);
    BOOST_TEST(error == system_code(EPIPE));
    BOOST_TEST(pending(SIGPIPE));
    int taken = 0;
    ::sigwait(&pipe_signal, &taken);
    ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
    BOOST_TEST(taken == SIGPIPE);
}

BOOST_AUTO_TEST_CASE(sendfile_sends_a_part_or_the_rest) {
    const File file("0123456789");
    auto [server, client] = tcp_connection();
    BOOST_TEST(server.sendfile(file.fd()) == 10U);
    BOOST_TEST(server.sendfile(file.fd(), 7) == 3U);
    BOOST_TEST(server.sendfile(file.fd(), 2, 3) == 3U);
    BOOST_TEST(server.sendfile(file.fd(), 8, 100) == 2U);
    BOOST_TEST(server.sendfile(file.fd(), 10) == 0U);
    BOOST_TEST(server.sendfile(file.fd(), 0, 0) == 0U);
    BOOST_TEST(file.position() == 10);
    server.shutdown(SHUT_WR);
    BOOST_TEST(receive_to_the_end(client) == "012345678978923489");
}

BOOST_AUTO_TEST_CASE(sendfile_of_what_is_no_file_fails) {
    auto [server, client] = tcp_connection();
    CHECK_FAILS(server.sendfile(-1), EBADF, "sendfile to " + server.peer_name());
    error_code error;
    server.sendfile(-1, 0, std::nullopt, error);
    BOOST_TEST(error == system_code(EBADF));
}

BOOST_AUTO_TEST_CASE(a_big_sendall_through_a_small_buffer_under_signals_is_complete) {
    const std::string bytes = pattern(8U << 20U);
    for (Ends (*const connection)() : {tcp_connection, unix_connection}) {
        // Acknowledgements of so small a window are slow over TCP.
        const std::string_view big =
            std::string_view(bytes).substr(0, connection == tcp_connection ? 1U << 20U : bytes.size());
        for (const auto timeout :
             {std::optional<std::chrono::nanoseconds>{}, std::optional<std::chrono::nanoseconds>{1h}}) {
            auto [server, client] = connection();
            server.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096);
            server.settimeout(timeout);
            Receiver receiver(client);
            {
                const SignalStorm storm;
                server.sendall(big);
            }
            server.close();
            BOOST_TEST(receiver.hash() == hash_of(big));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_big_sendfile_under_signals_is_complete) {
    const std::string big = pattern(1U << 20U);
    const File file(big);
    auto [server, client] = tcp_connection();
    server.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096);
    Receiver receiver(client);
    {
        const SignalStorm storm;
        BOOST_TEST(server.sendfile(file.fd()) == big.size());
    }
    server.close();
    BOOST_TEST(receiver.hash() == hash_of(big));
}

BOOST_AUTO_TEST_CASE(reading_under_signals_loses_no_byte) {
    const std::string big = pattern(4U << 20U);
    for (const auto timeout :
         {std::optional<std::chrono::nanoseconds>{}, std::optional<std::chrono::nanoseconds>{1h}}) {
        auto [server, client] = tcp_connection();
        server.settimeout(timeout);
        Background sending([&client = client, &big] {
            client.sendall(big);
            client.close();
        });
        const SignalStorm storm;
        Hash hash;
        for (std::string data = server.recv(777); !data.empty(); data = server.recv(777))
            hash.add(data);
        BOOST_TEST(hash.value() == hash_of(big));
    }
}

BOOST_AUTO_TEST_CASE(single_bytes_arrive_like_any_others) {
    const std::string bytes = pattern(20'000);
    auto [server, client] = tcp_connection();
    server.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
    Receiver receiver(client, 1);
    for (const char byte : bytes)
        BOOST_REQUIRE(server.send({&byte, 1}) == 1U);
    server.close();
    BOOST_TEST(receiver.hash() == hash_of(bytes));
}

BOOST_AUTO_TEST_CASE(datagrams_may_be_sent_by_many_threads_at_once) {
    Socket receiver(AF_INET, SOCK_DGRAM);
    receiver.bind(Address("127.0.0.1", 0));
    const Address address = receiver.getsockname();
    Socket sender(AF_INET, SOCK_DGRAM);
    sender.settimeout(1h);
    constexpr int each = 20;
    {
        const auto send = [&sender, &address] {
            for (int i = 0; i < each; ++i)
                sender.sendto("x", address);
        };
        const Background one(send);
        const Background two(send);
        const Background three(send);
    }
    for (int i = 0; i < 3 * each; ++i)
        BOOST_TEST(receiver.recv(10) == "x");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
