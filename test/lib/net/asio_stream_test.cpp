#include <socketserver/net/asio_stream.hpp>

#include "fixtures.hpp"
#include "support/case_guard.hpp"
#include "support/clients.hpp"
#include "support/served.hpp"

#include <socketserver/concurrency/selecting.hpp>
#include <socketserver/concurrency/threading.hpp>
#include <socketserver/stream_request_handler.hpp>
#include <socketserver/tcp_server.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>

namespace socketserver::test {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;

static_assert(beast::is_sync_read_stream<AsioStream<>>::value);
static_assert(beast::is_sync_write_stream<AsioStream<>>::value);
static_assert(beast::is_sync_stream<AsioStream<asio::io_context::executor_type>>::value);

/// Says what a request asked for.
//! [http_handler]
class HttpHandler : public StreamRequestHandler {
public:
    using StreamRequestHandler::StreamRequestHandler;

    void handle() override {
        AsioStream stream(request);
        beast::flat_buffer buffer;
        http::request<http::string_body> message;
        http::read(stream, buffer, message);
        http::response<http::string_body> response(http::status::ok, message.version());
        response.body() = "you asked for " + std::string(message.target());
        response.prepare_payload();
        http::write(stream, response);
    }
};
//! [http_handler]

//! [websocket_handler]
class WebSocketHandler : public StreamRequestHandler {
public:
    WebSocketHandler(Socket& the_request, const Address& client, ServerContext& the_server, asio::io_context& context)
        : StreamRequestHandler(the_request, client, the_server), context_(context) {}

    void handle() override {
        websocket::stream<AsioStream<asio::io_context::executor_type>> messages(request, context_.get_executor());
        messages.accept();
        error_code error;
        beast::flat_buffer message;
        for (messages.read(message, error); !error; messages.read(message, error)) {
            messages.binary(messages.got_binary());
            messages.write(message.data());
            message.clear();
        }
    }

private:
    asio::io_context& context_;
};
//! [websocket_handler]

using Concurrencies = boost::mpl::list<Blocking, Threading, Selecting>;

std::string get(Socket& socket, const std::string& target) {
    AsioStream stream(socket);
    http::request<http::empty_body> message(http::verb::get, target, 11);
    http::write(stream, message);
    beast::flat_buffer buffer;
    http::response<http::string_body> response;
    http::read(stream, buffer, response);
    return response.body();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(asio_stream, CaseGuard)

BOOST_AUTO_TEST_CASE(asio_reads_and_writes_over_it) {
    auto [server, client] = tcp_connection();
    AsioStream to_server(client);
    AsioStream to_client(server);
    const std::string text = "a line\nand the rest";
    BOOST_TEST(asio::write(to_server, asio::buffer(text)) == text.size());
    std::string received;
    BOOST_TEST(asio::read_until(to_client, asio::dynamic_buffer(received), '\n') == 7U);
    client.shutdown(SHUT_WR);
    error_code end;
    asio::read(to_client, asio::dynamic_buffer(received), end);
    BOOST_TEST(received == text);
    BOOST_TEST((end == asio::error::eof));
}

BOOST_AUTO_TEST_CASE(reads_give_up_at_a_deadline_and_take_what_is_there_after_it) {
    auto [server, client] = tcp_connection();
    server.settimeout(std::chrono::hours(1));
    AsioStream stream(server);
    stream.set_deadline(Deadline::after(std::chrono::milliseconds(20)));
    std::string received;
    error_code error;
    asio::read_until(stream, asio::dynamic_buffer(received), '\n', error);
    BOOST_TEST((error == asio::error::timed_out));
    client.sendall("late\n");
    BOOST_TEST_REQUIRE(arrive(server, 5));
    BOOST_TEST(asio::read_until(stream, asio::dynamic_buffer(received), '\n') == 5U);
    stream.set_deadline(Deadline::never());
    Waiting reading([&stream] {
        std::string line;
        asio::read_until(stream, asio::dynamic_buffer(line), '\n');
        return line;
    });
    client.sendall("whenever\n");
    BOOST_TEST(reading.get() == "whenever\n");
}

BOOST_AUTO_TEST_CASE(big_transfers_are_complete) {
    const std::string big = pattern(1U << 22U);
    auto [server, client] = unix_connection();
    Waiting reading([&client = client] {
        std::string all;
        AsioStream stream(client);
        error_code end;
        asio::read(stream, asio::dynamic_buffer(all), end);
        return end == asio::error::eof ? hash_of(all) : 0;
    });
    AsioStream stream(server);
    const std::string_view view = big;
    const std::array<asio::const_buffer, 3> parts{
        asio::buffer(view.substr(0, 10)), asio::buffer(view.substr(10, 300'000)), asio::buffer(view.substr(300'010))};
    BOOST_TEST(asio::write(stream, parts) == big.size());
    server.close();
    BOOST_TEST(reading.get() == hash_of(big));
}

// A packet socket tells one write from the next.
BOOST_AUTO_TEST_CASE(several_buffers_leave_by_one_system_call) {
    auto [one, two] = socketpair(AF_UNIX, SOCK_SEQPACKET);
    AsioStream stream(one);
    const std::vector<asio::const_buffer> parts{asio::buffer("head", 4), asio::const_buffer{}, asio::buffer("body", 4)};
    BOOST_TEST(stream.write_some(parts) == 8U);
    BOOST_TEST(two.recv(100) == "headbody");
    // What is more than fits is left for the next call.
    const std::vector<asio::const_buffer> many(40, asio::buffer("x", 1));
    BOOST_TEST(stream.write_some(many) == 16U);
    BOOST_TEST(two.recv(100) == std::string(16, 'x'));
}

BOOST_AUTO_TEST_CASE(empty_buffers_are_no_wait_and_no_error) {
    auto [server, client] = tcp_connection();
    AsioStream stream(server);
    error_code error = asio::error::eof;
    BOOST_TEST(stream.read_some(asio::mutable_buffer{}, error) == 0U);
    BOOST_TEST(!error);
    error = asio::error::eof;
    BOOST_TEST(stream.write_some(std::array<asio::const_buffer, 2>{}, error) == 0U);
    BOOST_TEST(!error);
    client.sendall("x");
    std::array<char, 4> bytes{};
    const std::array<asio::mutable_buffer, 2> second_takes{asio::mutable_buffer{}, asio::buffer(bytes)};
    BOOST_TEST(stream.read_some(second_takes, error) == 1U);
    BOOST_TEST(bytes[0] == 'x');
}

BOOST_AUTO_TEST_CASE(the_end_of_the_stream_is_asios_eof) {
    auto [server, client] = tcp_connection();
    AsioStream stream(server);
    client.close();
    std::array<char, 4> bytes{};
    error_code error;
    BOOST_TEST(stream.read_some(asio::buffer(bytes), error) == 0U);
    BOOST_TEST((error == asio::error::eof));
    BOOST_CHECK_EXCEPTION(
        stream.read_some(asio::buffer(bytes)), system_error, [&server = server](const system_error& e) {
            return e.code() == asio::error::eof &&
                   std::string_view(e.what()).find("recv from " + server.peer_name()) != std::string_view::npos;
        });
}

BOOST_AUTO_TEST_CASE(time_outs_and_resets_are_asios_errors) {
    auto [server, client] = tcp_connection();
    AsioStream stream(server);
    std::array<char, 4> bytes{};
    error_code error;
    server.settimeout(1ms);
    stream.read_some(asio::buffer(bytes), error);
    BOOST_TEST((error == asio::error::timed_out));
    fill(server);
    stream.write_some(asio::buffer(bytes), error);
    BOOST_TEST((error == asio::error::timed_out));
    server.setblocking(false);
    stream.read_some(asio::buffer(bytes), error);
    BOOST_TEST((error == asio::error::would_block));
    server.setblocking(true);
    reset(client);
    stream.read_some(asio::buffer(bytes), error);
    BOOST_TEST((error == asio::error::connection_reset));
    CHECK_FAILS(stream.write_some(asio::buffer(bytes)), EPIPE, "send to 127.0.0.1");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_handler_answers_http, Concurrency, Concurrencies) {
    const Served<HttpHandler, Concurrency> running;
    for (const std::string target : {"/", "/some/thing?x=1"}) {
        Socket socket = create_connection(running.server.server_address());
        BOOST_TEST(get(socket, target) == "you asked for " + target);
    }
}

BOOST_AUTO_TEST_CASE(a_waiting_http_read_stalls_no_other_fiber) {
    const Served<HttpHandler, Selecting> running;
    Socket slow = create_connection(running.server.server_address());
    slow.sendall("GET /slow HTTP/1.1\r\n");
    Socket quick = create_connection(running.server.server_address());
    BOOST_TEST(get(quick, "/quick") == "you asked for /quick");
    slow.sendall("\r\n");
    BOOST_TEST(receive_to_the_end(slow).ends_with("\r\n\r\nyou asked for /slow"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_handler_echoes_websocket_messages, Concurrency, Concurrencies) {
    asio::io_context context;
    const Served<WebSocketHandler, Concurrency> running({}, context);
    Socket socket = create_connection(running.server.server_address());
    asio::io_context ours;
    websocket::stream<AsioStream<asio::io_context::executor_type>> messages(socket, ours.get_executor());
    messages.handshake("localhost", "/");
    const std::string big = pattern(200'000);
    for (const std::string& message : {std::string("hello"), big}) {
        messages.binary(true);
        messages.write(asio::buffer(message));
        beast::flat_buffer reply;
        messages.read(reply);
        BOOST_TEST((beast::buffers_to_string(reply.data()) == message));
    }
    messages.close(websocket::close_code::normal);
    BOOST_TEST(receive_to_the_end(socket).empty());
}

BOOST_AUTO_TEST_CASE(a_peer_that_never_ends_is_not_read_for_ever_after_the_closing_handshake) {
    auto [server, client] = tcp_connection();
    Waiting flooding([&client = client] {
        error_code gone;
        while (!gone)
            client.send(std::string(65'536, 'x'), 0, gone);
        return gone;
    });
    AsioStream stream(server);
    error_code error;
    teardown(beast::role_type::server, stream, error);
    BOOST_TEST(!error);
    server.close();
    BOOST_TEST(!!flooding.get());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
