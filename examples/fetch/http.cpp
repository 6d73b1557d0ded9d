#include "http.hpp"

#include <socketserver/net/asio_stream.hpp>
#include <socketserver/net/socket_functions.hpp>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fetch {

namespace ss = socketserver;
namespace http = boost::beast::http;

namespace {

constexpr int max_redirections = 10;
constexpr int max_interim_replies = 100;
constexpr std::uint32_t max_header = 65'536;

/// One request and its reply.
class Exchange {
public:
    Exchange(const ss::Url& url, std::optional<std::chrono::nanoseconds> timeout)
        : server_(url.authority()), socket_(ss::create_connection(url.host, url.port, timeout)) {
        http::request<http::empty_body> request(http::verb::get, url.target(), 11);
        request.set(http::field::host, url.authority());
        request.set(http::field::user_agent, "fetch (socketserver " SOCKETSERVER_VERSION ")");
        request.set(http::field::accept, "*/*");
        request.set(http::field::connection, "close");
        ss::error_code error;
        buffer_.reserve(max_header);  // Beast asks for as much as there is room for
        http::write(stream_, request, error);
        // A server may have answered and closed without having read all.
        if (error && error != boost::asio::error::broken_pipe && error != boost::asio::error::connection_reset)
            fail(error);
        read_header();
    }

    [[nodiscard]] unsigned status() const { return reply_->get().result_int(); }

    /// `HTTP/1.1 404 Not Found`
    [[nodiscard]] std::string status_line() const {
        const unsigned version = reply_->get().version();
        std::string line = "HTTP/" + std::to_string(version / 10) + '.' + std::to_string(version % 10) + ' ' +
                           std::to_string(status());
        if (!reply_->get().reason().empty())
            line += ' ' + std::string(reply_->get().reason());
        return line;
    }

    /// The field Location; "" if there is none.
    [[nodiscard]] std::string location() const { return std::string(reply_->get()[http::field::location]); }

    /// The status line and the fields, a line each. Beast has seen to it that no control character is in them.
    [[nodiscard]] std::string header() const {
        std::string lines = status_line() + '\n';
        for (const auto& field : reply_->get())
            lines += std::string(field.name_string()) + ": " + std::string(field.value()) + '\n';
        return lines;
    }

    void read_body(Output& output) {
        std::vector<char> piece(65'536);
        if (const auto length = reply_->content_length())
            output.expect(*length);
        auto& body = reply_->get().body();
        while (!reply_->is_done()) {
            body.data = piece.data();
            body.size = piece.size();
            ss::error_code error;
            http::read_some(stream_, buffer_, *reply_, error);
            output.write({piece.data(), piece.size() - body.size});
            if (error == http::error::partial_message)
                fail_truncated(output.written());
            if (error && error != http::error::need_buffer)
                fail(error);
        }
    }

private:
    using Reply = http::response_parser<http::buffer_body>;

    void read_header() {
        for (int i = 0; i < max_interim_replies; ++i) {
            reply_ = std::make_unique<Reply>();
            reply_->header_limit(max_header);
            reply_->body_limit(std::numeric_limits<std::uint64_t>::max());
            ss::error_code error;
            http::read_header(stream_, buffer_, *reply_, error);
            if (error == http::error::end_of_stream)
                throw std::runtime_error(server_ + " closed the connection without a reply");
            if (error == http::error::partial_message)
                throw std::runtime_error("the reply of " + server_ + " breaks off in its header");
            if (error)
                fail(error);
            // An interim reply (RFC 9110 section 15.2) has no body, and another reply follows.
            if (http::to_status_class(status()) != http::status_class::informational)
                return;
        }
        throw std::runtime_error(server_ + " sends interim replies without end");
    }

    [[noreturn]] void fail_truncated(std::uint64_t received) const {
        std::string size = std::to_string(received);
        if (const auto length = reply_->content_length())
            size += " of " + std::to_string(*length);
        throw std::runtime_error("the reply of " + server_ + " breaks off after " + size + " bytes");
    }

    [[noreturn]] void fail(ss::error_code error) const {
        if (error.category() == http::make_error_code(http::error::bad_version).category())
            throw std::runtime_error("the reply of " + server_ + " is no HTTP: " + error.message());
        throw std::runtime_error(server_ + ": " + error.message());
    }

    std::string server_;
    ss::Socket socket_;
    ss::AsioStream<> stream_{socket_};
    boost::beast::flat_buffer buffer_{std::size_t{2} * max_header};
    std::unique_ptr<Reply> reply_;
};

/// A URL as far as it is of use in a message.
std::string shortened(const std::string& url) {
    return url.substr(0, 200);
}

bool is_redirection(unsigned status) {
    constexpr std::array<unsigned, 5> redirections{301, 302, 303, 307, 308};
    return std::find(redirections.begin(), redirections.end(), status) != redirections.end();
}

ss::Url redirected(const ss::Url& from, const std::string& location) {
    auto to = ss::resolve_url(from, location);
    const std::string where = shortened(location);
    if (!to)
        throw std::runtime_error("redirected to '" + where + "', which is no URL: " + to.error());
    // Not to file:, for it is the server who says so.
    if (to->scheme != "http")
        throw std::runtime_error("redirected to " + where + ": " + to->scheme +
                                 (to->scheme == "https" ? " is not supported" : " is not followed"));
    return std::move(to).value();
}

}  // namespace

std::string by_http(ss::Url url, std::optional<std::chrono::nanoseconds> timeout, Output& output) {
    for (int redirections = 0;; ++redirections) {
        Exchange exchange(url, timeout);
        if (is_redirection(exchange.status()) && !exchange.location().empty()) {
            if (redirections == max_redirections)
                throw std::runtime_error("redirected more than " + std::to_string(max_redirections) +
                                         " times, now to " + shortened(exchange.location()));
            url = redirected(url, exchange.location());
            continue;
        }
        if (http::to_status_class(exchange.status()) != http::status_class::successful)
            throw std::runtime_error(exchange.status_line());
        exchange.read_body(output);
        return exchange.header();
    }
}

}  // namespace fetch
