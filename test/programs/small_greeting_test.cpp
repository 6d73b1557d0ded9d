/// \file
/// greeting_server: it says one thing.

#include "small_servers.hpp"

#include <support/case_guard.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(greeting_server, CaseGuard)

BOOST_AUTO_TEST_CASE(thanks_and_closes_the_connection) {
    for_every_server("greeting_server", [](Server& server) {
        for (int i = 0; i < 3; ++i) {
            Client client = server.connect();
            BOOST_TEST(client.read_all() == "Thank you for connection\n");
            BOOST_TEST(server.error_line() == "... connected from: " + name_of(client) + "\n");
        }
        BOOST_TEST(server.stop() == "");
    });
}

BOOST_AUTO_TEST_CASE(answers_netcat) {
    for_every_server("greeting_server", [](Server& server) {
        const Outcome nc = netcat(server, "");
        BOOST_TEST(nc.output == "Thank you for connection\n");
        BOOST_TEST(nc.status == 0);
    });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
