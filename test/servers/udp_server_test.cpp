#include "support/case_guard.hpp"
#include "support/clients.hpp"

#include <socketserver/handlers/echo_handler.hpp>
#include <socketserver/udp_server.hpp>

#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(udp_server, CaseGuard)

BOOST_AUTO_TEST_CASE(replies_from_the_address_that_was_contacted) {
    for (const char* const host : {"0.0.0.0", ""}) {
        UDPServer<EchoDatagramHandler> server(Address(host, 0));
        const std::uint16_t port = server.server_address().port();
        Socket client(AF_INET, SOCK_DGRAM);
        client.bind(Address("127.0.0.1", 0));
        for (const char* const contacted : {"127.0.0.1", "127.0.0.2", "127.8.9.10"}) {
            client.sendto("hello", Address(contacted, port));
            server.handle_request();
            const auto [data, from] = client.recvfrom(100);
            BOOST_TEST(data == "hello");
            BOOST_TEST(from == Address(contacted, port));
        }
    }
}

BOOST_AUTO_TEST_CASE(replies_over_ipv6_on_a_wildcard_address) {
    for (const char* const host : {"::", ""}) {
        UDPServer<EchoDatagramHandler> server(Address(host, 0));
        if (server.server_address().family() != AF_INET6)
            continue;  // no IPv6 here
        DatagramClient client("::1", server.server_address().port());
        client.send("hello");
        server.handle_request();
        BOOST_TEST(client.receive() == "hello");
    }
}

BOOST_AUTO_TEST_CASE(does_not_share_its_port_unless_told) {
    const UDPServer<EchoDatagramHandler> server(Address("127.0.0.1", 0));
    BOOST_CHECK_THROW(UDPServer<EchoDatagramHandler> second(server.server_address()), system_error);
    const UDPServer<EchoDatagramHandler> sharing(Address("127.0.0.1", 0), {.allow_reuse_port = true});
    const UDPServer<EchoDatagramHandler> second(sharing.server_address(), {.allow_reuse_port = true});
    BOOST_TEST(second.server_address() == sharing.server_address());
}

BOOST_AUTO_TEST_CASE(refuses_a_unix_address) {
    BOOST_CHECK_THROW(UDPServer<EchoDatagramHandler> server(Address::unix_path("@x")), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
