#include "support/case_guard.hpp"
#include "support/clients.hpp"
#include "support/served.hpp"

#include <socketserver/handlers/time_handler.hpp>
#include <socketserver/os/ctime.hpp>
#include <socketserver/udp_server.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

namespace socketserver::test {

namespace {

/// Whether it is `[the time between then and now] text`.
bool is_stamped(const std::string& answer, const std::string& text, std::chrono::system_clock::time_point then) {
    const auto now = std::chrono::system_clock::now();
    for (auto when = then; when < now + std::chrono::seconds{1}; when += std::chrono::seconds{1}) {
        if (answer == '[' + ctime(when) + "] " + text)
            return true;
    }
    return false;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(time_handler, CaseGuard)

BOOST_AUTO_TEST_CASE(puts_the_time_before_each_line) {
    const Served<TimeHandler> served;
    const auto then = std::chrono::system_clock::now();
    Client client = served.connect();
    for (const std::string line : {"hello", "", "  spaced  "}) {
        client.send(line + "\r\n");
        const std::string answer = client.read_line();
        BOOST_TEST(is_stamped(answer, line + '\n', then), answer);
    }
}

BOOST_AUTO_TEST_CASE(ends_with_its_client) {
    const Served<TimeHandler> served;
    const auto then = std::chrono::system_clock::now();
    Client client = served.connect();
    client.send("no line end");
    client.half_close();
    const std::string answer = client.read_all();
    BOOST_TEST(is_stamped(answer, "no line end\n", then), answer);
}

BOOST_AUTO_TEST_CASE(puts_the_time_before_a_datagram) {
    UDPServer<TimeDatagramHandler> server(Address("127.0.0.1", 0));
    const auto then = std::chrono::system_clock::now();
    DatagramClient client("127.0.0.1", server.server_address().port());
    for (const std::string data : {"hello", "two\nlines\n", ""}) {
        client.send(data);
        server.handle_request();
        const std::string answer = client.receive();
        BOOST_TEST(is_stamped(answer, data, then), answer);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
