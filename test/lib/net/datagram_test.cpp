#include <socketserver/net/datagram.hpp>

#include "fixtures.hpp"
#include "support/case_guard.hpp"
#include "support/clients.hpp"
#include "support/temporary_directory.hpp"

#include <socketserver/net/buffered_writer.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <sys/socket.h>

namespace socketserver::test {

namespace {

constexpr auto both_ways = {Datagram::Tracked::no, Datagram::Tracked::yes};

Datagram receive(Socket& socket, Datagram::Tracked tracked = Datagram::Tracked::no, std::size_t size = 2000) {
    std::string buffer(size, '\0');
    error_code error;
    Datagram datagram(socket, buffer, tracked, error);
    BOOST_REQUIRE(!error);
    return datagram;
}

/// A datagram server's socket at a wildcard address.
Socket wildcard(std::string_view host) {
    Socket socket = create_bound(Address(host, 0), SOCK_DGRAM, {.reuse_address = false});
    Datagram::track_local_address(socket);
    return socket;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(datagram, CaseGuard)

BOOST_AUTO_TEST_CASE(a_datagram_is_answered) {
    Socket server = create_bound(Address("127.0.0.1", 0), SOCK_DGRAM, {.reuse_address = false});
    DatagramClient client("127.0.0.1", server.getsockname().port());
    client.send("question");
    Datagram datagram = receive(server);
    BOOST_TEST(datagram.data() == "question");
    BOOST_TEST(datagram.peer().to_string() == client.local_address());
    BOOST_TEST(!datagram.local().has_value());
    BOOST_TEST(!datagram.truncated());
    datagram.reply("answer");
    BOOST_TEST(client.receive() == "answer");
}

BOOST_AUTO_TEST_CASE(the_reply_leaves_from_the_address_that_was_contacted) {
    struct Case {
        const char* bound;
        const char* contacted;
    };
    for (const Case& c : {Case{"0.0.0.0", "127.0.0.2"}, Case{"", "127.0.0.2"}, Case{"", "::1"}, Case{"::", "::1"}}) {
        BOOST_TEST_CONTEXT(c.bound << " reached at " << c.contacted) {
            Socket server = wildcard(c.bound);
            // Connected: it receives from the contacted address alone.
            DatagramClient client(c.contacted, server.getsockname().port());
            client.send("question");
            Datagram datagram = receive(server, Datagram::Tracked::yes);
            BOOST_REQUIRE(datagram.local().has_value());
            BOOST_TEST(datagram.local()->host() == c.contacted);
            BOOST_TEST(datagram.peer().to_string() == client.local_address());
            datagram.reply("answer");
            BOOST_TEST(client.receive() == "answer");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_datagram_from_port_0_cannot_be_answered) {
    Socket server = create_bound(Address("127.0.0.1", 0), SOCK_DGRAM, {.reuse_address = false});
    const UniqueFd client(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP));
    if (!client) {
        BOOST_TEST_MESSAGE("not allowed to send from port 0: not tested");
        return;
    }
    // Ports, length, no checksum (RFC 768); an octet.
    const std::uint16_t port = server.getsockname().port();
    const std::array<unsigned char, 9> bytes{
        0, 0, static_cast<unsigned char>(port >> 8U), static_cast<unsigned char>(port & 0xffU), 0, 9, 0, 0, 'x'};
    const Address to("127.0.0.1", 0);
    BOOST_TEST_REQUIRE(::sendto(client.get(), bytes.data(), bytes.size(), 0, to.data(), to.size()) ==
                       static_cast<ssize_t>(bytes.size()));
    Datagram datagram = receive(server);
    BOOST_TEST(datagram.peer() == to);
    error_code error;
    datagram.reply("answer", Datagram::default_reply_timeout, error);
    BOOST_TEST(error == system_code(EDESTADDRREQ));
}

BOOST_AUTO_TEST_CASE(a_broadcast_is_answered_from_an_address_of_the_host) {
    for (const char* const bound : {"0.0.0.0", ""}) {
        BOOST_TEST_CONTEXT("bound to " << bound) {
            Socket server = wildcard(bound);
            Socket client(AF_INET, SOCK_DGRAM);
            client.bind(Address("127.0.0.1", 0));
            client.setsockopt(SOL_SOCKET, SO_BROADCAST, 1);
            client.sendto("question", Address("127.255.255.255", server.getsockname().port()));
            Datagram datagram = receive(server, Datagram::Tracked::yes);
            datagram.reply("answer");
            const auto [answer, from] = client.recvfrom(100);
            BOOST_TEST(answer == "answer");
            BOOST_TEST(from.host() == "127.0.0.1");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_datagram_that_was_cut_is_marked) {
    auto [server, client] = socketpair(AF_UNIX, SOCK_DGRAM);
    for (const Datagram::Tracked tracked : both_ways) {
        client.sendall("0123456789");
        client.sendall("01234");
        const Datagram cut = receive(server, tracked, 5);
        BOOST_TEST(cut.data() == "01234");
        BOOST_TEST(cut.truncated());
        const Datagram whole = receive(server, tracked, 5);
        BOOST_TEST(whole.data() == "01234");
        BOOST_TEST(!whole.truncated());
    }
}

BOOST_AUTO_TEST_CASE(empty_datagrams_are_datagrams) {
    Socket server = create_bound(Address("127.0.0.1", 0), SOCK_DGRAM, {.reuse_address = false});
    DatagramClient client("127.0.0.1", server.getsockname().port());
    client.send("");
    Datagram datagram = receive(server);
    BOOST_TEST(datagram.data() == "");
    datagram.reply("");
    BOOST_TEST(client.receive() == "");
}

BOOST_AUTO_TEST_CASE(receiving_without_waiting_says_eagain) {
    Socket server = create_bound(Address("127.0.0.1", 0), SOCK_DGRAM, {.reuse_address = false});
    server.setblocking(false);
    std::array<char, 10> buffer{};
    error_code error;
    const Datagram none(server, buffer, Datagram::Tracked::no, error);
    BOOST_TEST(error == system_code(EAGAIN));
    BOOST_TEST(none.data().empty());
    BOOST_TEST(none.peer().is_unnamed());
    server.settimeout(1ms);
    const Datagram still_none(server, buffer, Datagram::Tracked::no, error);
    BOOST_TEST(is_timeout(error));
    BOOST_TEST(still_none.data().empty());
}

BOOST_AUTO_TEST_CASE(unix_datagrams_are_answered_by_path_and_abstract_name) {
    const TemporaryDirectory folder;
    Socket server = create_bound(Address::unix_path(folder / "server"), SOCK_DGRAM, {});
    DatagramClient client(folder / "server");
    client.send("question");
    Datagram datagram = receive(server);
    BOOST_TEST(datagram.peer().is_abstract());
    BOOST_TEST(datagram.peer().to_string() == client.local_address());
    datagram.reply("answer");
    BOOST_TEST(client.receive() == "answer");
}

BOOST_AUTO_TEST_CASE(a_peer_without_a_name_cannot_be_answered) {
    const TemporaryDirectory folder;
    Socket server = create_bound(Address::unix_path(folder / "server"), SOCK_DGRAM, {});
    DatagramClient client(folder / "server", DatagramClient::Name::none);
    client.send("question");
    Datagram datagram = receive(server);
    BOOST_TEST(datagram.data() == "question");
    BOOST_TEST(datagram.peer().is_unnamed());
    CHECK_FAILS(datagram.reply("answer"), EDESTADDRREQ, "reply to (unnamed)");
    error_code error;
    datagram.reply("answer", 1s, error);
    BOOST_TEST(error == system_code(EDESTADDRREQ));
}

BOOST_AUTO_TEST_CASE(a_peer_that_is_gone_is_an_error) {
    const TemporaryDirectory folder;
    Socket server = create_bound(Address::unix_path(folder / "server"), SOCK_DGRAM, {});
    std::optional<DatagramClient> client(std::in_place, folder / "server");
    client->send("question");
    Datagram datagram = receive(server);
    client.reset();
    CHECK_FAILS(datagram.reply("answer"), ECONNREFUSED, "reply to @");
}

BOOST_AUTO_TEST_CASE(a_reply_that_is_too_long_is_an_error) {
    Socket server = create_bound(Address("127.0.0.1", 0), SOCK_DGRAM, {.reuse_address = false});
    DatagramClient client("127.0.0.1", server.getsockname().port());
    client.send("question");
    Datagram datagram = receive(server);
    CHECK_FAILS(datagram.reply(std::string(70'000, 'x')), EMSGSIZE, "reply to " + client.local_address());
}

BOOST_AUTO_TEST_CASE(a_full_unix_peer_times_out_without_spinning_and_is_answered_when_it_reads) {
    const TemporaryDirectory folder;
    Socket server = create_bound(Address::unix_path(folder / "server"), SOCK_DGRAM, {});
    DatagramClient client(folder / "server");
    client.send("question");
    Datagram datagram = receive(server);
    error_code full;
    int replies = 0;
    for (; !full; ++replies)
        datagram.reply("answer", 0s, full);
    BOOST_TEST(is_timeout(full));
    const auto begin = std::chrono::steady_clock::now();
    const auto used = processor_time();
    CHECK_FAILS(datagram.reply("answer", 200ms), ETIMEDOUT, "reply to " + client.local_address());
    BOOST_TEST((std::chrono::steady_clock::now() - begin >= 200ms));
    BOOST_TEST((processor_time() - used < 100ms));
    Waiting replying([&datagram] {
        error_code error;
        datagram.reply("last", 1h, error);
        return error;
    });
    BOOST_TEST(replying.sleeps());
    for (int i = 1; i < replies; ++i)
        BOOST_TEST(client.receive() == "answer");
    BOOST_TEST(replying.get() == error_code());
    BOOST_TEST(client.receive() == "last");
}

BOOST_AUTO_TEST_CASE(descriptors_that_a_peer_sends_along_are_not_kept) {
    // The guard of this suite would see them (unix(7), SCM_RIGHTS).
    auto [server, client] = socketpair(AF_UNIX, SOCK_DGRAM);
    const std::array<int, 2> sent{server.fileno(), client.fileno()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof sent)> control{};
    std::string text = "gift";
    iovec part{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const entry = CMSG_FIRSTHDR(&message);
    entry->cmsg_level = SOL_SOCKET;
    entry->cmsg_type = SCM_RIGHTS;
    entry->cmsg_len = CMSG_LEN(sizeof sent);
    std::memcpy(CMSG_DATA(entry), sent.data(), sizeof sent);
    for (const Datagram::Tracked tracked : both_ways) {
        BOOST_REQUIRE(::sendmsg(client.fileno(), &message, 0) == 4);
        BOOST_TEST(receive(server, tracked).data() == "gift");
    }
}

BOOST_AUTO_TEST_CASE(pending_output_of_the_context_leaves_before_the_wait_for_a_datagram) {
    Socket server = create_bound(Address("127.0.0.1", 0), SOCK_DGRAM, {.reuse_address = false});
    server.settimeout(1ms);
    FakeStream stream;
    BufferedWriter writer(stream);
    writer << "pending";
    std::array<char, 10> buffer{};
    error_code error;
    const Datagram none(server, buffer, Datagram::Tracked::no, error);
    BOOST_TEST(is_timeout(error));
    BOOST_TEST(stream.written.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
