/// \file
/// HTTP and WebSocket by Boost.Beast: `curl http://127.0.0.1:8080/time`.

#include <socketserver/net/asio_stream.hpp>
#include <socketserver/os/ctime.hpp>
#include <socketserver/run_server.hpp>
#include <socketserver/stream_request_handler.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ss = socketserver;
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;

namespace {

/// Answers HTTP/1.1 requests until the client has enough, and echoes the messages of a WebSocket.
class HttpHandler : public ss::StreamRequestHandler {
public:
    struct Options {
        std::size_t max_body = std::size_t{1} << 20U;
        std::chrono::nanoseconds body_timeout = std::chrono::minutes{1};
        /// What websocket::stream is made with; nobody runs it.
        std::shared_ptr<boost::asio::io_context> context = std::make_shared<boost::asio::io_context>();

        template <class Add>
        void declare(Add&& add) {
            add("max-body", "refuse a longer body of a request or a longer WebSocket message than N bytes", max_body);
            add("body-timeout", "close a connection that does not send the whole body within S seconds; 0 disables",
                body_timeout);
        }
    };

    static constexpr std::uint16_t default_port = 8080;
    static constexpr std::string_view description = "An HTTP server: GET /time tells the time, POST /echo returns what "
                                                    "it was sent, a WebSocket to /echo each message.";
    static constexpr std::string_view examples = "$0 &\n"
                                                 "curl -d hello http://127.0.0.1:8080/echo";

    HttpHandler(ss::Socket& the_request, const ss::Address& client, ss::ServerContext& the_server,
                const Options& options)
        : StreamRequestHandler(the_request, client, the_server), options_(options) {}

    void handle() override {
        for (bool go_on = true; go_on;)
            go_on = serve_request();
    }

private:
    using Request = http::request<http::string_body>;
    using Response = http::response<http::string_body>;

    /// \return whether the connection serves another one
    bool serve_request() {
        http::request_parser<http::string_body> parser;
        parser.header_limit(max_header);
        parser.body_limit(options_.max_body);
        const ss::error_code error = read(parser);
        if (error == asio::error::eof)
            return false;
        if (error == asio::error::timed_out && (parser.got_some() || unread_.size() != 0))
            give_up();
        if (error)
            return refuse(error);
        const Request message = parser.release();
        if (websocket::is_upgrade(message) && message.target() == "/echo") {
            // A client that does not wait for the answer is none of RFC 6455 (section 4.1).
            if (unread_.size() != 0)
                return refuse(http::error::unexpected_body);
            echo_messages(message);
            return false;
        }
        Response response = answer(message);
        response.version(message.version());
        response.keep_alive(message.keep_alive());
        send(std::move(response), message.method() == http::verb::head);
        return message.keep_alive();
    }

    /// \return the end of the stream if it comes before anything else
    ss::error_code read(http::request_parser<http::string_body>& parser) {
        ss::error_code error;
        // Until the first byte the client is idle.
        limit_reads(std::nullopt);
        if (unread_.size() == 0)
            unread_.commit(stream_.read_some(unread_.prepare(max_header), error));
        if (error)
            return error;
        limit_reads(line_timeout);
        http::read_header(stream_, unread_, parser, error);
        if (!error && parser.get()[http::field::expect] == "100-continue")
            http::write(stream_, http::response<http::empty_body>(http::status::continue_, 11), error);
        if (!error && !parser.is_done()) {
            limit_reads(options_.body_timeout.count() > 0 ? std::optional(options_.body_timeout) : std::nullopt);
            unread_.reserve(max_header);  // Beast asks for as much as there is room for
            http::read(stream_, unread_, parser, error);
        }
        return error;
    }

    /// What comes from now on has so much time, be it byte by byte.
    void limit_reads(std::optional<std::chrono::nanoseconds> limit) {
        stream_.set_deadline(limit ? ss::Deadline::after(*limit) : ss::Deadline::never());
    }

    [[noreturn]] void give_up() {
        Response response = text(http::status::request_timeout, "That took too long.\n");
        response.keep_alive(false);
        send(std::move(response));
        ss::throw_errno(ETIMEDOUT, "request not complete in time", "from " + request.peer_name());
    }

    static Response answer(const Request& message) {
        const bool reads = message.method() == http::verb::get || message.method() == http::verb::head;
        if (message.target() == "/")
            return reads ? text(http::status::ok, "GET /time\nPOST /echo\n") : not_allowed("GET, HEAD");
        if (message.target() == "/time")
            return reads ? text(http::status::ok, ss::ctime_now() + '\n') : not_allowed("GET, HEAD");
        if (message.target() == "/echo")
            return message.method() == http::verb::post ? text(http::status::ok, message.body()) : not_allowed("POST");
        return text(http::status::not_found, "There is nothing here.\n");
    }

    static Response text(http::status status, std::string body) {
        Response response(status, 11);
        response.set(http::field::content_type, "text/plain; charset=utf-8");
        response.body() = std::move(body);
        return response;
    }

    static Response not_allowed(const char* methods) {
        Response response = text(http::status::method_not_allowed, "This is for " + std::string(methods) + ".\n");
        response.set(http::field::allow, methods);
        return response;
    }

    void send(Response response, bool header_only = false) {
        response.prepare_payload();
        http::response_serializer<http::string_body> serializer(response);
        if (header_only)
            http::write_header(stream_, serializer);
        else
            http::write(stream_, serializer);
    }

    /// Tells the client what is wrong with its request. Since it is not clear where the next one begins, that is the end.
    bool refuse(ss::error_code error) {
        if (error.category() != http::make_error_code(http::error::bad_method).category())
            ss::throw_error(error, "serve", request.peer_name());
        http::status status = http::status::bad_request;
        if (error == http::error::body_limit)
            status = http::status::payload_too_large;
        else if (error == http::error::header_limit || error == http::error::buffer_overflow)
            status = http::status::request_header_fields_too_large;
        Response response = text(status, error.message() + '\n');
        response.keep_alive(false);
        send(std::move(response));
        // A connection closed with something unread is reset, and the client might lose the reply.
        limit_reads(line_timeout);
        teardown(beast::role_type::server, stream_, error);
        return false;
    }

    void echo_messages(const Request& upgrade) {
        websocket::stream<ss::AsioStream<boost::asio::io_context::executor_type>> socket(
            request, options_.context->get_executor());
        socket.read_message_max(options_.max_body);
        ss::error_code error;
        socket.accept(upgrade, error);
        beast::flat_buffer message;
        while (!error) {
            socket.read(message, error);
            if (error)
                break;
            socket.text(socket.got_text());
            socket.write(message.data(), error);
            message.clear();
        }
    }

    static constexpr std::uint32_t max_header = 8192;

    const Options& options_;
    ss::AsioStream<> stream_{request};
    beast::flat_buffer unread_{std::size_t{4} * max_header};
};

}  // namespace

int main(int argc, char* argv[]) {
    return ss::run_server<HttpHandler>(argc, argv);
}
