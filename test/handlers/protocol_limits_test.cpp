#include "contract/shared_lines.hpp"
#include "no_connection.hpp"
#include "support/case_guard.hpp"
#include "support/clients.hpp"
#include "support/eventually.hpp"
#include "support/served.hpp"

#include <socketserver/aliases.hpp>
#include <socketserver/line_protocol.hpp>

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

// The limits of time of event-style handlers: until when they wait, first without a server; then under every concurrency.

namespace socketserver::test {

namespace {

using namespace std::chrono_literals;

class LimitedLines : public LineProtocol {
public:
    LimitedLines(Socket& connection, const Address& client, ServerContext& context)
        : LineProtocol(connection, client, context) {
        max_length = 20;
    }

    using LineProtocol::set_line_mode;
    using LineProtocol::set_raw_mode;
    using LineProtocol::set_terminator;

    void connection_made() override { transport << "hello\n"; }
    void line_received(std::string_view line) override {
        if (line == "five")
            set_terminator(5);
        else
            transport << '<' << line << ">\n";
    }
    void line_length_exceeded(std::string_view) override {}
};

// Lines that go nowhere.
class MuteLines : public LimitedLines {
public:
    using LimitedLines::LimitedLines;
    void line_received(std::string_view line) override {
        if (line == "five")
            set_terminator(5);
    }
};

struct Unconnected {
    explicit Unconnected(const ConnectionOptions& options) : server(options) {}

    NoServer server;
    Socket connection;
    Address client = Address("127.0.0.1", 5000);
    MuteLines lines{connection, client, server};
};

// Writes more than anybody takes.
class Flood : public Protocol {
public:
    using Protocol::Protocol;
    void connection_made() override {
        const std::string block(1U << 20U, 'x');
        for (;;)
            transport << block;
    }
};

using EveryConcurrency = boost::mpl::list<Blocking, Forking, Threading, Selecting>;

/// A server of a handler, and what it logs.
template <class Handler, class Concurrency>
struct Logging {
    explicit Logging(const ConnectionOptions& connection) : served(options(connection)) {}

    ServerOptions options(const ConnectionOptions& connection) {
        ServerOptions all;
        all.connection = connection;
        all.logger = [this](Severity, std::string_view message) { log.add(message); };
        return all;
    }

    /// Whether the one message so far has this text.
    [[nodiscard]] bool said(std::string_view text) {
        served.stop();
        const auto lines = log.lines();
        BOOST_TEST_INFO("said: " << (lines.empty() ? "nothing" : lines.front()));
        BOOST_TEST(lines.size() == 1U);
        return !lines.empty() && lines.front().find(text) != std::string::npos;
    }

    SharedLines log;
    Served<Handler, Concurrency> served;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(protocol_limits, CaseGuard)

BOOST_AUTO_TEST_CASE(a_line_has_its_time_from_its_first_piece_on) {
    Unconnected with({.line_timeout = 1h});
    BOOST_TEST(with.lines.input_deadline().is_never());
    with.lines.data_received("whole\n");
    BOOST_TEST(with.lines.input_deadline().is_never());
    with.lines.data_received("ha");
    const Deadline first = with.lines.input_deadline();
    BOOST_TEST(!first.is_never());
    with.lines.data_received("l");
    BOOST_TEST((with.lines.input_deadline() == first));
    with.lines.data_received("f\nan");
    const Deadline second = with.lines.input_deadline();
    BOOST_TEST((second > first));
    with.lines.data_received("other\n");
    BOOST_TEST(with.lines.input_deadline().is_never());
}

BOOST_AUTO_TEST_CASE(so_has_a_block_and_the_rest_of_a_line_that_is_too_long) {
    Unconnected with({.line_timeout = 1h});
    with.lines.data_received("five\n123");
    BOOST_TEST(!with.lines.input_deadline().is_never());
    with.lines.data_received("45");
    BOOST_TEST(with.lines.input_deadline().is_never());
    with.lines.set_line_mode();
    with.lines.data_received(std::string(30, 'x'));
    const Deadline first = with.lines.input_deadline();
    BOOST_TEST(!first.is_never());
    with.lines.data_received(std::string(30, 'x'));
    BOOST_TEST((with.lines.input_deadline() == first));
    with.lines.data_received("\n");
    BOOST_TEST(with.lines.input_deadline().is_never());
    with.lines.set_raw_mode();
    with.lines.data_received("no line");
    BOOST_TEST(with.lines.input_deadline().is_never());
}

BOOST_AUTO_TEST_CASE(between_lines_the_idle_limit_counts_and_within_one_the_time_out) {
    Unconnected with({.idle_timeout = 2h, .line_timeout = 3h});
    with.connection.settimeout(1h);
    const Deadline least = Deadline::after(90min);
    BOOST_TEST((with.lines.input_deadline() > least));
    with.lines.data_received("half");
    BOOST_TEST((with.lines.input_deadline() < least));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(loses_a_connection_whose_line_does_not_end, Concurrency, EveryConcurrency) {
    Logging<LimitedLines, Concurrency> logging({.timeout = 1h, .line_timeout = 50ms});
    Client client = logging.served.connect();
    client.send("whole\nhalf");
    BOOST_TEST(client.read_all() == "hello\n<whole>\n");
    BOOST_TEST(logging.said("line not complete within 0.05 s from " + client.local_address()));
    BOOST_TEST(logging.served.statistics().failed == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(loses_a_connection_that_is_idle, Concurrency, EveryConcurrency) {
    Logging<LimitedLines, Concurrency> logging({.timeout = 1h, .idle_timeout = 50ms});
    Client client = logging.served.connect();
    BOOST_TEST(client.read_all() == "hello\n");
    BOOST_TEST(logging.said("nothing received within 0.05 s from " + client.local_address()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(loses_a_connection_whose_peer_never_reads, Concurrency, EveryConcurrency) {
    Logging<Flood, Concurrency> logging({.timeout = 1h, .write_timeout = 50ms});
    const Client client = logging.served.connect();
    BOOST_TEST(eventually([&] { return logging.served.statistics().failed == 1; }));
    BOOST_TEST(logging.said("output not taken within 0.05 s by " + client.local_address()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
