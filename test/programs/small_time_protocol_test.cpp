/// \file
/// time_protocol_server: the dialogue of time_server, by an event-style protocol.

#include "small_servers.hpp"

#include <support/case_guard.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(time_protocol_server, CaseGuard)

BOOST_AUTO_TEST_CASE(puts_the_time_before_each_line) {
    for_every_server("time_protocol_server", [](Server& server) {
        Client client = server.connect();
        client.send("hello\r\n\nwor");
        BOOST_TEST(without_time(client.read_line()) == "hello\n");
        BOOST_TEST(without_time(client.read_line()) == "\n");
        client.send("ld\nlast");
        BOOST_TEST(without_time(client.read_line()) == "world\n");
        client.half_close();
        BOOST_TEST(without_time(client.read_line()) == "last\n");
        BOOST_TEST(client.read_all() == "");
        const std::string name = name_of(client);
        BOOST_TEST(server.stop() ==
                   "... connected from: " + name + "\n... disconnected: " + name + "; 0 connected, 4 lines answered\n");
    });
}

BOOST_AUTO_TEST_CASE(answers_netcat) {
    for_every_server("time_protocol_server", [](Server& server) {
        const Outcome nc = netcat(server, "hello\r\n");
        BOOST_TEST(without_time(nc.output) == "hello\n");
        BOOST_TEST(nc.error == "");
        BOOST_TEST(nc.status == 0);
    });
}

BOOST_AUTO_TEST_CASE(lets_idle_clients_go_when_it_is_told_to_end) {
    for_every_server("time_protocol_server", [](Server& server) {
        Client client = server.connect();
        client.send("hello\nunfinished");
        BOOST_TEST(without_time(client.read_line()) == "hello\n");
        const std::string name = name_of(client);
        BOOST_TEST(server.stop() ==
                   "... connected from: " + name + "\n... disconnected: " + name + "; 0 connected, 1 lines answered\n");
        BOOST_TEST(client.read_all() == "");
    });
}

BOOST_AUTO_TEST_CASE(goes_on_when_a_client_resets_its_connection) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_protocol_server", "--mode", mode, "--port", "0"});
            Client client = server.connect();
            const std::string name = name_of(client);
            client.send("hello\n");
            BOOST_TEST(without_time(client.read_line()) == "hello\n");
            client.reset();
            BOOST_TEST(server.error_line() == "... connected from: " + name + "\n");
            BOOST_TEST(server.error_line() == "... disconnected: " + name + "; 0 connected, 1 lines answered\n");
            BOOST_TEST(server.error_line() == "time_protocol_server: request from " + name + ": recv from " + name +
                                                  ": Connection reset by peer\n");
            Client other = server.connect();
            other.send("hello\n");
            BOOST_TEST(without_time(other.read_line()) == "hello\n");
        }
    }
}

BOOST_AUTO_TEST_CASE(ends_a_connection_with_a_line_that_is_too_long) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_protocol_server", "--mode", mode, "--port", "0"});
            Client client = server.connect();
            client.send("hello\n");
            client.send(std::string(65'537, 'x'));
            BOOST_TEST(without_time(client.read_line()) == "hello\n");
            BOOST_TEST(client.read_all() == "");
            const std::string name = name_of(client);
            BOOST_TEST(server.stop() == "... connected from: " + name + "\n... disconnected: " + name +
                                            "; 0 connected, 1 lines answered\ntime_protocol_server: request from " +
                                            name + ": a line longer than 65536 bytes from " + name +
                                            ": Message too long\n");
        }
    }
}

BOOST_AUTO_TEST_CASE(ends_a_connection_after_as_many_lines_as_it_was_told) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_protocol_server", "--mode", mode, "--port", "0", "--requests-per-connection", "2"});
            Client client = server.connect();
            client.send("one\ntwo\n");
            BOOST_TEST(without_time(client.read_line()) == "one\n");
            BOOST_TEST(without_time(client.read_line()) == "two\n");
            BOOST_TEST(client.read_all() == "");
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
