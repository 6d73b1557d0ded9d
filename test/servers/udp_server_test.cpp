#include "support/case_guard.hpp"
#include "support/clients.hpp"

#include <socketserver/detail/own_sender.hpp>
#include <socketserver/handlers/echo_handler.hpp>
#include <socketserver/udp_server.hpp>

#include <boost/test/unit_test.hpp>

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace socketserver::test {

namespace {

/// Those of IPv4.
std::vector<Address> addresses_of_this_machine(std::uint16_t port) {
    std::vector<Address> found;
    ifaddrs* first = nullptr;
    BOOST_REQUIRE(::getifaddrs(&first) == 0);
    for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
        if (each->ifa_addr != nullptr && each->ifa_addr->sa_family == AF_INET && (each->ifa_flags & IFF_UP) != 0)
            found.push_back(Address::from_sockaddr(each->ifa_addr, sizeof(sockaddr_in)).with_port(port));
    }
    ::freeifaddrs(first);
    return found;
}

}  // namespace

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

BOOST_AUTO_TEST_CASE(on_a_wildcard_address_knows_each_address_of_the_machine_for_its_own) {
    for (const char* const host : {"0.0.0.0", ""}) {
        UDPServer<EchoDatagramHandler> server(Address(host, 0), {.logger = nullptr});
        const std::uint16_t port = server.server_address().port();
        const bool both_families = server.server_address().family() == AF_INET6;
        // An IPv6 socket sends to IPv4 addresses as mapped ones.
        const auto send_to_itself = [&](const Address& to) {
            sockaddr_in6 mapped{};
            mapped.sin6_family = AF_INET6;
            mapped.sin6_port = htons(port);
            mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
            std::memcpy(&mapped.sin6_addr.s6_addr[12], &reinterpret_cast<const sockaddr_in*>(to.data())->sin_addr, 4);
            const auto* const address = both_families ? reinterpret_cast<const sockaddr*>(&mapped) : to.data();
            return ::sendto(server.fileno(), "x", 1, 0, address, both_families ? sizeof mapped : to.size());
        };
        std::vector<Address> own{{"127.0.0.1", port}, {"127.3.2.1", port}};
        for (const Address& each : addresses_of_this_machine(port))
            own.push_back(each);
        for (const Address& each : own) {
            BOOST_TEST_REQUIRE(send_to_itself(each) == 1);
            server.handle_request();
        }
        BOOST_TEST(server.statistics().rejected == own.size());
        DatagramClient client("127.0.0.1", port);
        client.send("hello");
        server.handle_request();
        BOOST_TEST(client.receive() == "hello");
    }
}

BOOST_AUTO_TEST_CASE(another_sender_with_its_port_is_not_itself) {
    socketserver::detail::OwnSender own;
    const Address any("0.0.0.0", 7);
    BOOST_TEST(own.is(Address("0.0.0.0", 7), any, std::nullopt));
    BOOST_TEST(own.is(Address("::1", 7), Address("::", 7), std::nullopt));
    BOOST_TEST(own.is(Address("192.0.2.1", 7), any, Address("192.0.2.1", 0)));
    BOOST_TEST(!own.is(Address("192.0.2.1", 7), any, Address("192.0.2.2", 0)));
    BOOST_TEST(!own.is(Address("127.0.0.1", 8), any, std::nullopt));
    BOOST_TEST(!own.is(Address("127.0.0.2", 7), Address("127.0.0.1", 7), std::nullopt));
    BOOST_TEST(!own.is(Address(), Address::unix_path("@x"), std::nullopt));
    BOOST_TEST(own.is(Address::unix_path("@x"), Address::unix_path("@x"), std::nullopt));
}

BOOST_AUTO_TEST_CASE(each_address_of_the_machine_is_its_own_whichever_was_contacted) {
    socketserver::detail::OwnSender own;
    const Address any("0.0.0.0", 7);
    const Address elsewhere("192.0.2.1", 0);
    BOOST_TEST(own.is(Address("127.3.2.1", 7), any, elsewhere));
    for (const Address& each : addresses_of_this_machine(7))
        BOOST_TEST(own.is(each, any, Address("127.0.0.1", 0)), each);
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
