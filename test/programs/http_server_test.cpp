/// \file
/// The HTTP server, against curl and against clients that do not keep to the rules.

#include "program.hpp"

#include <support/case_guard.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace socketserver::test {

namespace {

std::vector<std::string> http_server(const std::string& mode) {
    return {"http_server", "--port", "0", "--mode", mode, "--quiet", "--max-body", "100000"};
}

/// What curl prints.
std::string curl(const Server& server, const std::string& path, const std::vector<std::string>& arguments = {},
                 std::string_view input = {}) {
    std::vector<std::string> command{"curl", "--silent", "--show-error", "--noproxy", "*"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    command.push_back("http://" + server.address() + path);
    const Outcome outcome = run(command, input);
    BOOST_TEST(outcome.error == "");
    return outcome.output;
}

/// The status line of the answer to something.
std::string status_of(const Server& server, const std::string& request) {
    Client client = server.connect();
    client.send(request);
    std::string line = client.read_line();
    static_cast<void>(client.read_all());
    return line;
}

/// The body of the next answer on a connection.
std::string reply(Client& client) {
    std::size_t size = 0;
    for (std::string line = client.read_line(); line.size() > 2; line = client.read_line()) {
        if (const std::string_view field = "Content-Length: "; line.starts_with(field))
            size = std::stoul(line.substr(field.size()));
    }
    return client.read_exactly(size);
}

/// Whether a server tells that a request took too long.
bool has_given_up(Server& server) {
    std::string line = server.error_line();
    while (!line.empty() && line.find("request not complete in time from ") == std::string::npos)
        line = server.error_line();
    return !line.empty();
}

constexpr std::string_view upgrade =
    "GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// A frame of a client as RFC 6455 section 5.2 has it, with a mask that changes nothing.
std::string frame(char opcode, std::string_view text) {
    std::string bytes{static_cast<char>(0x80 | opcode), static_cast<char>(0x80 | static_cast<int>(text.size()))};
    bytes.append(4, '\0');
    return bytes.append(text);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(http_server_program, CaseGuard)

BOOST_AUTO_TEST_CASE(curl_is_answered_in_every_mode) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            const Server server(http_server(mode));
            BOOST_TEST(curl(server, "/") == "GET /time\nPOST /echo\n");
            BOOST_TEST(curl(server, "/time").size() == std::string_view("Fri Nov 20 20:31:00 2026\n").size());
            BOOST_TEST(curl(server, "/echo", {"--data-binary", "@-"}, "some\nthing") == "some\nthing");
            BOOST_TEST(curl(server, "/none", {"--output", "/dev/null", "--write-out", "%{http_code}"}) == "404");
            const std::string head = curl(server, "/time", {"--head"});
            BOOST_TEST(head.starts_with("HTTP/1.1 200 OK\r\n"));
            BOOST_TEST(head.ends_with("\r\n\r\n"));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_big_body_comes_back_whole_and_one_too_big_is_refused) {
    const Server server(http_server("selecting"));
    const std::string big(100'000, 'x');
    BOOST_TEST((curl(server, "/echo", {"--data-binary", "@-"}, big) == big));
    BOOST_TEST((curl(server, "/echo", {"--data-binary", "@-", "--header", "Expect: 100-continue"}, big) == big));
    BOOST_TEST((curl(server, "/echo", {"--data-binary", "@-", "--header", "Transfer-Encoding: chunked"}, big) == big));
    BOOST_TEST(curl(server, "/echo", {"--data-binary", "@-", "--output", "/dev/null", "--write-out", "%{http_code}"},
                    big + '!') == "413");
}

BOOST_AUTO_TEST_CASE(a_client_that_waits_for_leave_to_send_its_body_gets_it) {
    const Server server(http_server("selecting"));
    Client client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
    BOOST_TEST(client.read_line() == "HTTP/1.1 100 Continue\r\n");
    client.send("hello");
    BOOST_TEST(client.read_all().ends_with("\r\n\r\nhello"));
}

BOOST_AUTO_TEST_CASE(a_connection_serves_several_requests_also_byte_by_byte) {
    const Server server(http_server("selecting"));
    Client client = server.connect();
    const std::string_view request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (const char byte : request)
        client.send({&byte, 1});
    BOOST_TEST(client.read_line() == "HTTP/1.1 200 OK\r\n");
    client.send(request);
    client.send("GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const std::string rest = client.read_all();
    BOOST_TEST(rest.find("HTTP/1.1 200 OK\r\n") != std::string::npos);
    BOOST_TEST(rest.find("HTTP/1.1 404 Not Found\r\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_no_request_gets_400_and_costs_one_connection) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            const Server server(http_server(mode));
            BOOST_TEST(status_of(server, "rubbish\r\n\r\n") == "HTTP/1.1 400 Bad Request\r\n");
            BOOST_TEST(status_of(server, "GET / HTTP/7.1\r\n\r\n") == "HTTP/1.1 400 Bad Request\r\n");
            BOOST_TEST(status_of(server, "GET / HTTP/1.1\r\nno colon\r\n\r\n") == "HTTP/1.1 400 Bad Request\r\n");
            BOOST_TEST(status_of(server, "GET / HTTP/1.1\r\nX: " + std::string(50'000, 'x')) ==
                       "HTTP/1.1 431 Request Header Fields Too Large\r\n");
            BOOST_TEST(status_of(server, std::string(upgrade) + frame(1, "early")) == "HTTP/1.1 400 Bad Request\r\n");
            BOOST_TEST(status_of(server, "PUT /time HTTP/1.1\r\nConnection: close\r\n\r\n") ==
                       "HTTP/1.1 405 Method Not Allowed\r\n");
            BOOST_TEST(curl(server, "/") == "GET /time\nPOST /echo\n");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_header_that_comes_byte_by_byte_is_given_up_and_others_are_served) {
    for (const std::string& mode : concurrent_modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"http_server", "--port", "0", "--mode", mode, "--line-timeout", "0.1"});
            Client slow = server.connect();
            Client good = server.connect();
            slow.send("GET / HTTP/1.1\r\nX: ");
            try {
                while (slow.nothing_within(std::chrono::milliseconds(5))) {
                    slow.send("x");
                    good.send("GET / HTTP/1.1\r\n\r\n");
                    BOOST_TEST_REQUIRE(reply(good) == "GET /time\nPOST /echo\n");
                }
            } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): the server tells why it has ended it
            }
            BOOST_TEST(has_given_up(server));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_body_that_does_not_come_is_given_up) {
    Server server({"http_server", "--port", "0", "--mode", "selecting", "--body-timeout", "0.1"});
    BOOST_TEST(status_of(server, "POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nhell") ==
               "HTTP/1.1 408 Request Timeout\r\n");
    BOOST_TEST(has_given_up(server));
    BOOST_TEST(curl(server, "/echo", {"--data-binary", "@-"}, "hello") == "hello");
}

BOOST_AUTO_TEST_CASE(a_websocket_gets_its_messages_back_in_every_mode) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            const Server server(http_server(mode));
            Client client = server.connect();
            client.send(upgrade);
            BOOST_TEST(client.read_line() == "HTTP/1.1 101 Switching Protocols\r\n");
            std::string accepted;
            for (std::string line = client.read_line(); line != "\r\n"; line = client.read_line()) {
                if (line.starts_with("Sec-WebSocket-Accept: "))
                    accepted = line;
            }
            // The example of RFC 6455 section 1.3.
            BOOST_TEST(accepted == "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
            client.send(frame(1, "hello"));
            BOOST_TEST(client.read_exactly(7) == "\x81\x05hello");
            client.send(frame(2, std::string_view("\0\xff", 2)));
            BOOST_TEST((client.read_exactly(4) == std::string("\x82\x02\0\xff", 4)));
            client.send(frame(9, "ping"));
            BOOST_TEST(client.read_exactly(6) == "\x8a\x04ping");
            client.send(frame(8, "\x03\xe8"));
            BOOST_TEST(client.read_all() == "\x88\x02\x03\xe8");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_websocket_that_breaks_the_rules_is_closed_with_the_reason) {
    const Server server(http_server("selecting"));
    Client client = server.connect();
    client.send(upgrade);
    while (client.read_line() != "\r\n") {
    }
    client.send(frame(1, "\xff"));  // no UTF-8: 1007
    BOOST_TEST(client.read_exactly(4) == "\x88\x02\x03\xef");
    client.half_close();
    BOOST_TEST(client.read_all() == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
