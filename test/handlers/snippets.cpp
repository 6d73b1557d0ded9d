// The examples that the handlers' documentation quotes, run as tests.

#include "support/case_guard.hpp"
#include "support/clients.hpp"
#include "support/served.hpp"

#include <socketserver/socketserver.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

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

//! [protocol]
class Shout : public ss::Protocol {
public:
    using Protocol::Protocol;

    void connection_made() override { transport << "hello, " << transport.peer() << '\n'; }

    void data_received(std::string_view data) override {
        for (const char c : data)
            transport << static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        if (data.ends_with(".\n"))
            transport.lose_connection();  // what has been written leaves first
    }

    void connection_lost(const ss::error_code& reason) override {
        if (reason)
            server.log(ss::Severity::info, "lost " + transport.peer().to_string() + ": " + reason.message());
    }
};
//! [protocol]

//! [line_protocol]
class Mail : public ss::LineProtocol {
public:
    using LineProtocol::LineProtocol;

    void line_received(std::string_view line) override {
        if (std::exchange(is_text_, false)) {
            transport << line.size() << " bytes\n";
            set_terminator("\n");
        } else if (line == "DATA") {
            is_text_ = true;
            set_terminator("\n.\n");  // or a number of bytes
        } else if (line == "QUIT") {
            transport.lose_connection();
        }
    }

private:
    bool is_text_ = false;
};
//! [line_protocol]

//! [protocol_factory]
struct Score : ss::ProtocolFactory {
    std::atomic<int> lines = 0;  // several threads count
};

class Player : public ss::WithFactory<ss::LineProtocol, Score> {
public:
    using WithFactory::WithFactory;

    void line_received(std::string_view) override {
        transport << ++factory.lines << " lines, " << factory.connections() << " connected\n";
    }
};
//! [protocol_factory]

//! [task_group]
class ProxyHandler : public ss::StreamRequestHandler {
public:
    ProxyHandler(ss::Socket& connection, const ss::Address& client, ss::ServerContext& context,
                 const ss::Address& target)
        : StreamRequestHandler(connection, client, context), target_(target) {}

    void handle() override {
        ss::Socket target = ss::create_connection(target_);
        ss::TaskGroup both;
        both.run([&] {
            ss::copy(request, target);
            target.shutdown(SHUT_WR);
        });
        both.run([&] {
            ss::copy(target, request);
            request.shutdown(SHUT_WR);
        });
        both.wait();  // until both have ended; what one throws ends the other
    }

private:
    const ss::Address& target_;
};
//! [task_group]

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

BOOST_AUTO_TEST_CASE(protocol) {
    ss::TCPServer<Shout, ss::Selecting> server({"127.0.0.1", 0});
    std::thread serving([&server] { server.serve_forever(); });
    Client client("127.0.0.1", server.server_address().port());
    BOOST_TEST(client.read_line() == "hello, " + client.local_address() + '\n');
    client.send("quiet, please\n");
    BOOST_TEST(client.read_line() == "QUIET, PLEASE\n");
    client.send("bye.\n");
    BOOST_TEST(client.read_all() == "BYE.\n");
    server.shutdown();
    serving.join();
}

BOOST_AUTO_TEST_CASE(line_protocol) {
    ss::TCPServer<Mail, ss::Threading> server({"127.0.0.1", 0});
    std::thread serving([&server] { server.serve_forever(); });
    Client client("127.0.0.1", server.server_address().port());
    client.send("DATA\none\n.two\n.\nQUIT\n");
    BOOST_TEST(client.read_all() == "8 bytes\n");
    server.shutdown();
    serving.join();
}

BOOST_AUTO_TEST_CASE(task_group) {
    ss::test::Served<UpperHandler, ss::Selecting> origin;
    ss::test::Served<ProxyHandler, ss::Selecting> proxy({}, origin.server.server_address());
    Client client = proxy.connect();
    BOOST_TEST(client.read_line().starts_with("hello, 127.0.0.1:"));
    client.send("quiet\nplease");
    client.half_close();
    BOOST_TEST(client.read_all() == "QUIET\nPLEASE\n");
}

BOOST_AUTO_TEST_CASE(protocol_factory) {
    Score score;
    ss::TCPServer<Player, ss::Threading> server({"127.0.0.1", 0}, {}, score);
    std::thread serving([&server] { server.serve_forever(); });
    Client client("127.0.0.1", server.server_address().port());
    client.send("one\ntwo\n");
    BOOST_TEST(client.read_line() == "1 lines, 1 connected\n");
    BOOST_TEST(client.read_line() == "2 lines, 1 connected\n");
    server.shutdown();
    serving.join();
}

BOOST_AUTO_TEST_SUITE_END()
