/// \file
/// upper_server: letters come back as capitals.

#include "small_servers.hpp"

#include <support/case_guard.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(upper_server, CaseGuard)

BOOST_AUTO_TEST_CASE(sends_back_capitals_until_the_client_ends) {
    for_every_server("upper_server", [](Server& server) {
        Client client = server.connect();
        client.send("hello");
        BOOST_TEST(client.read_exactly(5) == "HELLO");
        const std::string bytes("aZ{`\0\xe4\xff\r\n9", 10);
        client.send(bytes);
        BOOST_TEST(client.read_exactly(bytes.size()) == std::string("AZ{`\0\xe4\xff\r\n9", 10));
        client.half_close();
        BOOST_TEST(client.read_all() == "");
        BOOST_TEST(server.stop() == "... connected from: " + name_of(client) + "\n");
    });
}

BOOST_AUTO_TEST_CASE(sends_back_much) {
    for_every_server("upper_server", [](Server& server) {
        Client client = server.connect();
        const std::string small(50'000, 'q');
        for (int i = 0; i < 20; ++i) {
            client.send(small);
            BOOST_TEST((client.read_exactly(small.size()) == std::string(small.size(), 'Q')));
        }
    });
}

BOOST_AUTO_TEST_CASE(answers_netcat) {
    for_every_server("upper_server", [](Server& server) {
        const Outcome nc = netcat(server, "hello world\nStraße\n");
        BOOST_TEST(nc.output == "HELLO WORLD\nSTRAßE\n");
        BOOST_TEST(nc.status == 0);
    });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
