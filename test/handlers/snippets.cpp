// The examples that the handlers' documentation quotes, run as tests.

#include "support/case_guard.hpp"
#include "support/clients.hpp"

#include <socketserver/socketserver.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <string>
#include <thread>

namespace ss = socketserver;
using namespace std::chrono_literals;

using ss::test::CaseGuard;
using ss::test::Client;
using ss::test::DatagramClient;

namespace {

//! [stream_handler]
class UpperHandler : public ss::StreamRequestHandler {
public:
    UpperHandler(ss::Socket& connection, const ss::Address& client, ss::ServerContext& context)
        : StreamRequestHandler(connection, client, context) {
        timeout = 60s;  // of each wait
    }

    void handle() override {
        wfile << "hello, " << client_address << '\n';  // leaves before read_line() waits
        while (auto line = rfile.read_line()) {
            for (const char c : *line)
                wfile << static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
            wfile << '\n';
        }
    }
};
//! [stream_handler]

//! [datagram_handler]
class SortHandler : public ss::DatagramRequestHandler {
public:
    using DatagramRequestHandler::DatagramRequestHandler;

    void handle() override {
        std::string bytes(request.data());
        std::sort(bytes.begin(), bytes.end());
        wfile << bytes;  // one datagram, sent when this returns
    }
};
//! [datagram_handler]

}  // namespace

BOOST_FIXTURE_TEST_SUITE(handlers_snippets, CaseGuard)

BOOST_AUTO_TEST_CASE(stream_handler) {
    ss::TCPServer<UpperHandler> server({"127.0.0.1", 0});
    std::thread serving([&server] { server.serve_forever(); });
    Client client("127.0.0.1", server.server_address().port());
    BOOST_TEST(client.read_line() == "hello, " + client.local_address() + '\n');
    client.send("quiet\r\nplease");
    client.half_close();
    BOOST_TEST(client.read_all() == "QUIET\nPLEASE\n");
    server.shutdown();
    serving.join();
}

BOOST_AUTO_TEST_CASE(datagram_handler) {
    ss::UDPServer<SortHandler> server({"127.0.0.1", 0});
    DatagramClient client("127.0.0.1", server.server_address().port());
    client.send("hello");
    server.handle_request();
    BOOST_TEST(client.receive() == "ehllo");
}

BOOST_AUTO_TEST_SUITE_END()
