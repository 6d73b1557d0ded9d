#include <socketserver/net/url.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

namespace socketserver {

namespace {

bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    }
    return result;
}

/// \return -1 for what is no hexadecimal digit
int hexadecimal(char c) noexcept {
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// What stands before the first of some characters; the text begins there then.
std::string_view take_until(std::string_view& text, std::string_view ends) noexcept {
    const std::string_view taken = text.substr(0, text.find_first_of(ends));
    text.remove_prefix(taken.size());
    return taken;
}

/// The scheme at the front, without its colon; empty if there is none (RFC 3986 section 3.1).
std::string_view scheme_of(std::string_view text) noexcept {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || !is_letter(text.front()))
        return {};
    const std::string_view scheme = text.substr(0, colon);
    const bool valid = std::all_of(scheme.begin(), scheme.end(), [](char c) {
        return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
    });
    return valid ? scheme : std::string_view{};
}

/// What is wrong with the characters of a URL, or "".
std::string wrong_character(std::string_view text) {
    if (text.size() > url_limit)
        return "it is longer than " + std::to_string(url_limit) + " bytes";
    for (const char c : text) {
        if (c <= ' ' || c > '~')
            return "it holds a space, a control character or a letter outside ASCII, which must be percent-encoded";
        if (std::string_view("\"<>\\^`{|}").find(c) != std::string_view::npos)
            return std::string("it holds a '") + c + "', which must be percent-encoded";
    }
    return {};
}

/// Sets host and port.
/// \return what is wrong, or ""
std::string parse_authority(std::string_view text, Url& url) {
    if (text.find('@') != std::string_view::npos)
        return "a user name in it is not supported";
    std::string_view port;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos)
            return "the ']' of its IPv6 address is missing";
        url.host = lower(text.substr(1, end - 1));
        in6_addr address{};
        if (::inet_pton(AF_INET6, url.host.c_str(), &address) != 1)
            return "'" + url.host + "' is no IPv6 address";
        port = text.substr(end + 1);
        if (!port.empty() && port.front() != ':')
            return "behind the ']' of its IPv6 address comes something other than a port";
    } else {
        port = text;
        url.host = lower(take_until(port, ":"));
        const bool valid = std::all_of(url.host.begin(), url.host.end(), [](char c) {
            return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
        });
        constexpr std::size_t longest_name = 255;  // RFC 1035 section 2.3.4
        if (!valid || url.host.size() > longest_name)
            return "'" + url.host + "' is no name of a host";
    }
    // "host:" is "host" (RFC 3986 section 3.2.3).
    if (port.size() <= 1)
        return {};
    port.remove_prefix(1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc{} || end != port.data() + port.size() || url.port == 0)
        return "'" + std::string(port) + "' is not a port: a number from 1 to 65535";
    return {};
}

/// RFC 3986 section 5.2.4.
std::string without_dot_segments(std::string_view path) {
    std::string result;
    while (!path.empty()) {
        // A segment with the slash before it.
        std::string_view rest = path.substr(1);
        const std::string_view segment = take_until(rest, "/");
        const bool last = rest.empty();
        if (segment == "..")
            result.erase(std::min(result.rfind('/'), result.size()));
        else if (segment != ".")
            result.append("/").append(segment);
        if (last && (segment == "." || segment == ".."))
            result += '/';
        path = rest;
    }
    return result;
}

/// Sets all but the scheme.
/// \param text what stands behind "scheme:"
/// \return what is wrong, or ""
std::string parse_rest(std::string_view text, Url& url) {
    url.port = default_port(url.scheme);
    text = text.substr(0, text.find('#'));
    if (text.starts_with("//")) {
        text.remove_prefix(2);
        if (std::string wrong = parse_authority(take_until(text, "/?"), url); !wrong.empty())
            return wrong;
    }
    if (url.host.empty() && url.scheme != "file")
        return "the host is missing: it should begin with " + url.scheme + "://HOST";
    url.path = take_until(text, "?");
    if (!url.path.empty() && url.path.front() != '/')
        return "its path does not begin with '/'";
    if (!text.empty())
        url.query = text.substr(1);
    if (!percent_decode(url.path) || !percent_decode(url.query.value_or("")))
        return "a '%' in it is not followed by two hexadecimal digits";
    return {};
}

}  // namespace

std::uint16_t default_port(std::string_view scheme) noexcept {
    if (scheme == "http")
        return 80;
    if (scheme == "https")
        return 443;
    return scheme == "gopher" ? 70 : 0;
}

std::string Url::authority() const {
    std::string text = host.find(':') == std::string::npos ? host : '[' + host + ']';
    if (port != default_port(scheme))
        text += ':' + std::to_string(port);
    return text;
}

std::string Url::target() const {
    std::string text = path.empty() ? "/" : path;
    if (query)
        text += '?' + *query;
    return text;
}

std::string Url::to_string() const {
    return scheme + "://" + authority() + path + (query ? '?' + *query : "");
}

ParseResult<Url> parse_url(std::string_view text) {
    if (std::string wrong = wrong_character(text); !wrong.empty())
        return ParseError{std::move(wrong)};
    const std::string_view scheme = scheme_of(text);
    if (scheme.empty())
        return ParseError{"it does not begin with a scheme such as http://"};
    Url url;
    url.scheme = lower(scheme);
    if (std::string wrong = parse_rest(text.substr(scheme.size() + 1), url); !wrong.empty())
        return ParseError{std::move(wrong)};
    return {std::move(url), text.size()};
}

ParseResult<Url> resolve_url(const Url& base, std::string_view reference) {
    if (!scheme_of(reference).empty())
        return parse_url(reference);
    if (reference.starts_with("//"))
        return parse_url(base.scheme + ':' + std::string(reference));
    std::string_view rest = reference.substr(0, reference.find('#'));
    Url whole = base;
    const std::string_view path = take_until(rest, "?");
    if (path.starts_with('/'))
        whole.path = without_dot_segments(path);
    else if (!path.empty())
        whole.path = without_dot_segments(
            base.path.substr(0, base.path.rfind('/') + 1).insert(0, base.path.empty() ? "/" : "") + std::string(path));
    if (!rest.empty())
        whole.query = rest.substr(1);
    else if (!path.empty())
        whole.query.reset();
    return parse_url(whole.to_string());
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string bytes;
    bytes.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            bytes += text[i];
            continue;
        }
        const int high = i + 1 < text.size() ? hexadecimal(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hexadecimal(text[i + 2]) : -1;
        if (high < 0 || low < 0)
            return std::nullopt;
        bytes += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return bytes;
}

}  // namespace socketserver
