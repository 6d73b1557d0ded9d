/// \file
/// char_count_server: how many characters a line has.

#include "small_servers.hpp"

#include <support/case_guard.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

namespace socketserver::test {

namespace {

constexpr std::string_view prompt = "Please enter a string:";

std::string answer_to(const Server& server, std::string_view input) {
    Client client = server.connect();
    BOOST_TEST(client.read_line() == "welcome, " + name_of(client) + '\n');
    BOOST_TEST(client.read_exactly(prompt.size()) == prompt);
    client.send(input);
    if (!input.ends_with('\n'))
        client.half_close();
    return client.read_all();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(char_count_server, CaseGuard)

BOOST_AUTO_TEST_CASE(counts_the_characters_of_a_line) {
    for_every_server("char_count_server", [](Server& server) {
        BOOST_TEST(answer_to(server, "hello世界\n") == "You entered 7 characters.\n");
        BOOST_TEST(answer_to(server, "hello世界\r\n") == "You entered 7 characters.\n");
        BOOST_TEST(answer_to(server, "\n") == "You entered 0 characters.\n");
        BOOST_TEST(answer_to(server, "no line end") == "You entered 11 characters.\n");
        BOOST_TEST(answer_to(server, "") == "");
        BOOST_TEST(answer_to(server, "a\xff\xfe\xe4\xb8 \n") == "You entered 6 characters.\n");
    });
}

BOOST_AUTO_TEST_CASE(counts_for_netcat) {
    for_every_server("char_count_server", [](Server& server) {
        const Outcome nc = netcat(server, "hello世界\n");
        BOOST_TEST(nc.output.starts_with("welcome, "));
        BOOST_TEST(nc.output.ends_with("\nPlease enter a string:You entered 7 characters.\n"));
        BOOST_TEST(nc.status == 0);
    });
}

BOOST_AUTO_TEST_CASE(counts_for_telnet) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            const Server server({"char_count_server", "--mode", mode, "--port", "0"});
            Program telnet({"telnet", "127.0.0.1", std::to_string(server.port())});
            std::string line;
            do {
                line = telnet.output_line();
                BOOST_REQUIRE(!line.empty());
            } while (!line.starts_with("welcome, 127.0.0.1:"));
            telnet.write("hello世界\n");
            BOOST_TEST(telnet.output_line() == "Please enter a string:You entered 7 characters.\n");
        }
    }
}

BOOST_AUTO_TEST_CASE(says_that_a_line_is_too_long) {
    for_every_server("char_count_server", [](Server& server) {
        BOOST_TEST(answer_to(server, std::string(65'536, 'x') + '\n') == "You entered 65536 characters.\n");
        BOOST_TEST(answer_to(server, std::string(65'537, 'x') + '\n') == "Too long: a string may have 65536 bytes.\n");
    });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
