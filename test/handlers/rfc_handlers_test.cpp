/// \file
/// The services of RFC 862 to 868 that answer whatever comes: chargen, daytime, discard, time.

#include "support/case_guard.hpp"
#include "support/clients.hpp"
#include "support/served.hpp"

#include <socketserver/concurrency/selecting.hpp>
#include <socketserver/handlers/chargen_handler.hpp>
#include <socketserver/handlers/daytime_handler.hpp>
#include <socketserver/handlers/discard_handler.hpp>
#include <socketserver/handlers/echo_handler.hpp>
#include <socketserver/handlers/reply_guard.hpp>
#include <socketserver/handlers/rfc_time_handler.hpp>
#include <socketserver/handlers/time_handler.hpp>
#include <socketserver/os/ctime.hpp>
#include <socketserver/udp_server.hpp>

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <set>
#include <string>
#include <thread>

namespace socketserver::test {

namespace {

using Clock = std::chrono::system_clock;

std::string line(std::uint64_t number) {
    const auto bytes = chargen_line(number);
    return {bytes.data(), bytes.size()};
}

std::string rfc868(std::int64_t since_1970) {
    const auto bytes = rfc868_time(Clock::time_point{std::chrono::seconds{since_1970}});
    return {bytes.data(), bytes.size()};
}

/// Whether an answer is what one of the seconds from then to now makes.
template <class Make>
bool is_of_a_second_since(Clock::time_point then, const std::string& answer, Make make) {
    for (auto when = then; when < Clock::now() + std::chrono::seconds{1}; when += std::chrono::seconds{1}) {
        if (answer == make(when))
            return true;
    }
    return false;
}

std::string daytime(Clock::time_point when) {
    return ctime(when) + "\r\n";
}

std::string machine_time(Clock::time_point when) {
    const auto bytes = rfc868_time(when);
    return {bytes.data(), bytes.size()};
}

/// What answers whatever comes.
using Answering = boost::mpl::list<ChargenDatagramHandler, DaytimeDatagramHandler, EchoDatagramHandler,
                                   RfcTimeDatagramHandler, TimeDatagramHandler>;

/// The answer of a datagram service to one datagram.
template <class Handler>
std::string answer_to(const std::string& datagram) {
    UDPServer<Handler> server(Address("127.0.0.1", 0));
    DatagramClient client("127.0.0.1", server.server_address().port());
    client.send(datagram);
    server.handle_request();
    return client.receive();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(rfc_handlers, CaseGuard)

BOOST_AUTO_TEST_CASE(the_lines_of_the_generator_are_those_of_the_rfc) {
    BOOST_TEST(line(0) == " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n");
    BOOST_TEST(line(1) == "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh\r\n");
    BOOST_TEST(line(24) == "89:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~ \r\n");
    BOOST_TEST(line(94) == "~ !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdef\r\n");
    BOOST_TEST(line(95) == line(0));
    std::set<std::string> lines;
    for (std::uint64_t number = 0; number < 95; ++number)
        lines.insert(line(number));
    BOOST_TEST(lines.size() == 95U);
}

BOOST_AUTO_TEST_CASE(the_generator_s_text_is_its_lines) {
    BOOST_TEST(chargen_text(0) == "");
    BOOST_TEST(chargen_text(5) == " !\"#$");
    BOOST_TEST(chargen_text(74) == line(0));
    BOOST_TEST(chargen_text(75) == line(0) + "!");
    BOOST_TEST(chargen_text(512).size() == 512U);
}

BOOST_AUTO_TEST_CASE(seconds_since_1900_are_four_bytes) {
    // The examples of RFC 868, and the ends of the numbers that there are.
    BOOST_TEST(rfc868(0) == std::string("\x83\xaa\x7e\x80", 4));                              // 2,208,988,800: 1970
    BOOST_TEST(rfc868(2'629'584'000 - 2'208'988'800) == std::string("\x9c\xbc\x44\x80", 4));  // 1 May 1983
    BOOST_TEST(rfc868(-2'208'988'800) == std::string(4, '\0'));                               // 1900
    BOOST_TEST(rfc868(4'294'967'295 - 2'208'988'800) == std::string(4, '\xff'));
    BOOST_TEST(rfc868(4'294'967'296 - 2'208'988'800) == std::string(4, '\0'));
    BOOST_TEST(machine_time(Clock::time_point{std::chrono::milliseconds{1999}}) == rfc868(1));
    BOOST_TEST(machine_time(Clock::time_point{std::chrono::milliseconds{-1}}) == rfc868(-1));
}

BOOST_AUTO_TEST_CASE(only_what_cannot_be_another_service_is_answered) {
    const Address server("127.0.0.1", 5000);
    for (const Address& peer :
         {Address("127.0.0.1", 7), Address("::1", 1023), Address("127.0.0.1", 0), Address("192.0.2.1", 5000),
          Address("192.0.2.1", 7007), Address("192.0.2.1", 21567), Address("::1", 1919)})
        BOOST_TEST(!may_be_answered(peer, server), peer);
    for (const Address& peer : {Address("127.0.0.1", 1024), Address("::1", 65'535), Address::unix_path("@client")})
        BOOST_TEST(may_be_answered(peer, server), peer);
    BOOST_TEST(may_be_answered(Address::unix_path("@client"), Address::unix_path("@server")));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(datagrams_of_another_service_are_ignored, Handler, Answering) {
    // A client with the port of its server, at another address: that server's twin on another machine.
    UDPServer<Handler> server(Address("127.0.0.1", 0));
    Socket twin(AF_INET, SOCK_DGRAM);
    twin.bind(Address("127.0.0.2", server.server_address().port()));
    twin.sendto("x", server.server_address());
    server.handle_request();
    DatagramClient other("127.0.0.1", server.server_address().port());
    other.send("x");
    server.handle_request();
    static_cast<void>(other.receive());
    error_code nothing;
    BOOST_TEST(twin.recv(1000, MSG_DONTWAIT, nothing).empty());
    BOOST_TEST(nothing == system_code(EAGAIN));
    BOOST_TEST(server.statistics().handled == 2U);
}

BOOST_AUTO_TEST_CASE(daytime_tells_the_time_of_day_and_closes) {
    const Served<DaytimeHandler> served;
    const auto then = Clock::now();
    const std::string answer = served.connect().read_all();
    BOOST_TEST(is_of_a_second_since(then, answer, daytime), answer);
}

BOOST_AUTO_TEST_CASE(daytime_answers_a_datagram) {
    const auto then = Clock::now();
    const std::string answer = answer_to<DaytimeDatagramHandler>("");
    BOOST_TEST(is_of_a_second_since(then, answer, daytime), answer);
}

BOOST_AUTO_TEST_CASE(time_tells_the_seconds_and_closes) {
    const Served<RfcTimeHandler> served;
    const auto then = Clock::now();
    BOOST_TEST(is_of_a_second_since(then, served.connect().read_all(), machine_time));
}

BOOST_AUTO_TEST_CASE(time_answers_a_datagram) {
    const auto then = Clock::now();
    BOOST_TEST(is_of_a_second_since(then, answer_to<RfcTimeDatagramHandler>("what time is it?"), machine_time));
}

BOOST_AUTO_TEST_CASE(discard_takes_everything_and_says_nothing) {
    const Served<DiscardHandler> served;
    Client client = served.connect();
    client.send(std::string(1'000'000, 'x'));
    client.half_close();
    BOOST_TEST(client.read_all() == "");
}

BOOST_AUTO_TEST_CASE(discard_does_not_answer_datagrams) {
    UDPServer<DiscardDatagramHandler> server(Address("127.0.0.1", 0));
    DatagramClient client("127.0.0.1", server.server_address().port());
    client.send("hello");
    server.handle_request();
    BOOST_TEST(client.nothing_within(std::chrono::milliseconds{10}));
    BOOST_TEST(server.statistics().handled == 1U);
}

BOOST_AUTO_TEST_CASE(chargen_sends_lines_until_the_client_has_enough) {
    const Served<ChargenHandler> served;
    Client client = served.connect();
    // Beyond the point at which the lines begin anew.
    const std::string expected = chargen_text(200'000);
    BOOST_TEST((client.read_exactly(expected.size()) == expected));
}

BOOST_AUTO_TEST_CASE(chargen_answers_a_datagram_with_up_to_512_characters) {
    UDPServer<ChargenDatagramHandler> server(Address("127.0.0.1", 0));
    DatagramClient client("127.0.0.1", server.server_address().port());
    std::set<std::size_t> sizes;
    for (int i = 0; i < 20; ++i) {
        client.send("hello");
        server.handle_request();
        const std::string answer = client.receive();
        BOOST_TEST(answer.size() <= 512U);
        BOOST_TEST(answer == chargen_text(answer.size()));
        sizes.insert(answer.size());
    }
    BOOST_TEST(sizes.size() > 1U);
}

// Both can go on without ever waiting.
BOOST_AUTO_TEST_CASE(under_selecting_a_fast_client_does_not_keep_the_others_from_their_turn) {
    const Served<ChargenHandler, Selecting> generator;
    const Served<DiscardHandler, Selecting> sink;
    std::atomic<bool> enough = false;
    Client reader = generator.connect();
    Client writer = sink.connect();
    std::thread greedy([&] {
        // As fast as the two servers can: from the one to the other.
        while (!enough)
            writer.send(reader.read_some());
    });
    for (int i = 0; i < 20; ++i) {
        Client other = generator.connect();
        BOOST_TEST(other.read_exactly(74) == line(0));
        Client another = sink.connect();
        another.half_close();
        BOOST_TEST(another.read_all() == "");
    }
    enough = true;
    greedy.join();
    reader.close();
    writer.close();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
