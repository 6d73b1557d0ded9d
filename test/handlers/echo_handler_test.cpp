#include "support/case_guard.hpp"
#include "support/clients.hpp"
#include "support/served.hpp"

#include <socketserver/handlers/echo_handler.hpp>
#include <socketserver/net/datagram.hpp>
#include <socketserver/serving/request_handler.hpp>
#include <socketserver/udp_server.hpp>
#include <socketserver/unix_server.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(echo_handler, CaseGuard)

BOOST_AUTO_TEST_CASE(sends_lines_back_with_the_line_ends_they_had) {
    const Served<EchoHandler> served;
    Client client = served.connect();
    client.send("one\ntwo\r\n\n");
    BOOST_TEST(client.read_exactly(10) == "one\ntwo\r\n\n");
}

BOOST_AUTO_TEST_CASE(waits_for_whole_lines) {
    const Served<EchoHandler> served;
    Client client = served.connect();
    client.send("whole\npart");
    BOOST_TEST(client.read_line() == "whole\n");
    client.send("ly\n");
    BOOST_TEST(client.read_line() == "partly\n");
}

BOOST_AUTO_TEST_CASE(sends_a_last_line_back_as_it_came) {
    const Served<EchoHandler> served;
    Client client = served.connect();
    client.send("one\nno end");
    client.half_close();
    BOOST_TEST(client.read_all() == "one\nno end");
}

BOOST_AUTO_TEST_CASE(sends_raw_bytes_back_without_a_line_end) {
    const Served<EchoHandler> served({}, EchoOptions{.raw = true});
    Client client = served.connect();
    const std::string bytes("\0\x01\xffno line end", 14);
    client.send(bytes);
    BOOST_TEST(client.read_exactly(bytes.size()) == bytes);
    const std::string many(200'000, '\n');
    client.send(many);
    BOOST_TEST((client.read_exactly(many.size()) == many));
}

BOOST_AUTO_TEST_CASE(by_lines_unless_told_otherwise) {
    EchoOptions options;
    BOOST_TEST(!options.raw);
    std::string declared;
    options.declare([&](const char* name, const char*, bool& variable) {
        declared = name;
        variable = true;
    });
    BOOST_TEST(declared == "raw");
    BOOST_TEST(options.raw);
}

BOOST_AUTO_TEST_CASE(sends_datagrams_back_also_empty_ones) {
    UDPServer<EchoDatagramHandler> server(Address("127.0.0.1", 0));
    DatagramClient client("127.0.0.1", server.server_address().port());
    for (const std::string bytes : {"hello", "", "two\nlines\n"}) {
        client.send(bytes);
        server.handle_request();
        BOOST_TEST(client.receive() == bytes);
    }
}

BOOST_AUTO_TEST_CASE(sends_a_datagram_of_the_greatest_length_back) {
    UDPServer<EchoDatagramHandler> server(Address("127.0.0.1", 0));
    DatagramClient client("127.0.0.1", server.server_address().port());
    const std::string longest(65'507, 'x');
    client.send(longest);
    server.handle_request();
    BOOST_TEST((client.receive() == longest));
}

BOOST_AUTO_TEST_CASE(sends_unix_datagrams_back) {
    UnixDatagramServer<EchoDatagramHandler> server("@socketserver-echo-" + std::to_string(::getpid()));
    DatagramClient client(std::filesystem::path(server.server_address().path()));
    client.send("hello");
    server.handle_request();
    BOOST_TEST(client.receive() == "hello");
}

// Two echo services would send one datagram to and fro for ever.
BOOST_AUTO_TEST_CASE(ignores_datagrams_from_well_known_ports) {
    UDPServer<EchoDatagramHandler> server(Address("127.0.0.1", 0));
    Socket client(AF_INET, SOCK_DGRAM);
    error_code refused;
    std::uint16_t port = 1023;
    for (; port > 900; --port) {
        client.bind(Address("127.0.0.1", port), refused);
        if (!refused)
            break;
    }
    if (refused) {
        BOOST_TEST_MESSAGE("not allowed to bind a port below 1024: not tested");
        return;
    }
    client.sendto("hello", server.server_address());
    server.handle_request();
    Socket other(AF_INET, SOCK_DGRAM);
    other.bind(Address("127.0.0.1", 0));
    other.sendto("hello", server.server_address());
    server.handle_request();
    BOOST_TEST(other.recv(100) == "hello");
    client.setblocking(false);
    error_code nothing;
    BOOST_TEST(client.recv(100, 0, nothing).empty());
    BOOST_TEST(nothing == system_code(EAGAIN));
    BOOST_TEST(server.statistics().handled == 2U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
