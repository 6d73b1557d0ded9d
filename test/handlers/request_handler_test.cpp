#include "support/case_guard.hpp"
#include "support/clients.hpp"
#include "support/served.hpp"

#include <socketserver/datagram_request_handler.hpp>
#include <socketserver/stream_request_handler.hpp>
#include <socketserver/udp_server.hpp>
#include <socketserver/unix_server.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>

#include <netinet/tcp.h>

namespace socketserver::test {

namespace {

using namespace std::chrono_literals;

/// Answers with what a handler's attributes did to its connection.
class Attributes : public StreamRequestHandler {
public:
    Attributes(Socket& the_request, const Address& client, ServerContext& the_server, bool nagle)
        : StreamRequestHandler(the_request, client, the_server) {
        disable_nagle_algorithm = !nagle;
    }
    void handle() override {
        wfile << "nodelay " << request.getsockopt(IPPROTO_TCP, TCP_NODELAY) << " timeout "
              << std::chrono::duration_cast<std::chrono::milliseconds>(request.gettimeout().value_or(0ns)).count()
              << '\n';
    }
};

/// Sets its attributes in setup().
class LateAttributes : public StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;
    void setup() override {
        timeout = 7s;
        StreamRequestHandler::setup();
    }
    void handle() override { wfile << (request.gettimeout() == 7s ? "seven" : "other") << '\n'; }
};

/// Reads a line with an unbuffered rfile, then the rest from the connection itself.
class Unbuffered : public StreamRequestHandler {
public:
    Unbuffered(Socket& the_request, const Address& client, ServerContext& the_server)
        : StreamRequestHandler(the_request, client, the_server) {
        rbufsize = 0;
    }
    void handle() override {
        const std::string line(rfile.read_line().value_or("none"));
        wfile << line << ", then " << request.recv(100) << '\n';
    }
};

/// Has nothing to do with the library's bases.
class Plain {
public:
    Plain(Socket& connection, const Address& client, ServerContext& context)
        : connection_(connection), client_(client), context_(context) {}
    void setup() {}
    void handle() { connection_.sendall(client_.to_string() + " at " + context_.server_address().to_string() + '\n'); }
    void finish() {}

private:
    Socket& connection_;
    const Address& client_;
    ServerContext& context_;
};

class PlainDatagram {
public:
    PlainDatagram(Datagram& datagram, const Address&, ServerContext&, const std::string& prefix)
        : datagram_(datagram), prefix_(prefix) {}
    void setup() {}
    void handle() { datagram_.reply(prefix_ + std::string(datagram_.data())); }
    void finish() {}

private:
    Datagram& datagram_;
    const std::string& prefix_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(request_handler, CaseGuard)

BOOST_AUTO_TEST_CASE(turns_nagles_algorithm_off_and_sets_no_timeout_unless_told) {
    const Served<Attributes> served({}, false);
    BOOST_TEST(served.connect().read_all() == "nodelay 1 timeout 0\n");
}

BOOST_AUTO_TEST_CASE(leaves_nagles_algorithm_on_if_told) {
    const Served<Attributes> served({}, true);
    BOOST_TEST(served.connect().read_all() == "nodelay 0 timeout 0\n");
}

BOOST_AUTO_TEST_CASE(takes_the_timeout_from_the_servers_options) {
    const Served<Attributes> served({.connection = {.timeout = 5s}}, false);
    BOOST_TEST(served.connect().read_all() == "nodelay 1 timeout 5000\n");
}

BOOST_AUTO_TEST_CASE(attributes_may_be_set_before_the_bases_setup) {
    const Served<LateAttributes> served({.connection = {.timeout = 5s}});
    BOOST_TEST(served.connect().read_all() == "seven\n");
}

BOOST_AUTO_TEST_CASE(an_unbuffered_rfile_takes_nothing_past_the_line) {
    const Served<Unbuffered> served;
    Client client = served.connect();
    client.send("line\nrest");
    BOOST_TEST(client.read_all() == "line, then rest\n");
}

BOOST_AUTO_TEST_CASE(any_type_that_fits_is_a_handler) {
    static_assert(RequestHandler<Plain> && RequestHandler<PlainDatagram> && !RequestHandler<std::string>);
    const Served<Plain> served;
    Client client = served.connect();
    const std::string here = client.local_address();
    BOOST_TEST(client.read_line().starts_with(here + " at 127.0.0.1:"));
}

BOOST_AUTO_TEST_CASE(any_type_that_fits_is_a_datagram_handler) {
    UDPServer<PlainDatagram> server(Address("127.0.0.1", 0), {}, std::string("got "));
    DatagramClient client("127.0.0.1", server.server_address().port());
    client.send("it");
    server.handle_request();
    BOOST_TEST(client.receive() == "got it");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
