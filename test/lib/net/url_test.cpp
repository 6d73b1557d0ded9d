#include <socketserver/net/url.hpp>

#include "support/case_guard.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace socketserver::test {

namespace {

std::string error_of(std::string_view text) {
    const auto url = parse_url(text);
    return url.is_error() ? url.error() : "no error: " + std::string(text);
}

std::string resolved(std::string_view base, std::string_view reference) {
    const auto url = resolve_url(*parse_url(base), reference);
    return url.is_error() ? url.error() : url->to_string();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(url, CaseGuard)

BOOST_AUTO_TEST_CASE(a_url_has_parts) {
    const auto url = parse_url("HTTP://WWW.Example.org:8080/a/b%20c?x=1&y=/?#part");
    BOOST_REQUIRE(url.has_value());
    BOOST_TEST(url->scheme == "http");
    BOOST_TEST(url->host == "www.example.org");
    BOOST_TEST(url->port == 8080U);
    BOOST_TEST(url->path == "/a/b%20c");
    BOOST_TEST((url->query == "x=1&y=/?"));
    BOOST_TEST(url->authority() == "www.example.org:8080");
    BOOST_TEST(url->target() == "/a/b%20c?x=1&y=/?");
    BOOST_TEST(url->to_string() == "http://www.example.org:8080/a/b%20c?x=1&y=/?");
    BOOST_TEST(url.consumed() == std::string_view("HTTP://WWW.Example.org:8080/a/b%20c?x=1&y=/?#part").size());
}

BOOST_AUTO_TEST_CASE(what_is_left_out_has_a_default) {
    for (const std::string text : {"http://a", "http://a:", "http://a:80", "http://a#x"}) {
        const auto url = parse_url(text);
        BOOST_REQUIRE(url.has_value());
        BOOST_TEST(url->port == 80U);
        BOOST_TEST(url->target() == "/");
        BOOST_TEST(url->authority() == "a");
        BOOST_TEST(url->path == "");
        BOOST_TEST(!url->query);
    }
    BOOST_TEST(parse_url("http://a?q")->target() == "/?q");
    BOOST_TEST(parse_url("http://a/?")->target() == "/?");
    BOOST_TEST(parse_url("gopher://a")->port == 70U);
    BOOST_TEST(parse_url("https://a")->port == 443U);
    BOOST_TEST(parse_url("other://a")->port == 0U);
}

BOOST_AUTO_TEST_CASE(a_host_may_be_an_ipv6_address) {
    const auto url = parse_url("http://[::FFFF:1]:8080/x");
    BOOST_REQUIRE(url.has_value());
    BOOST_TEST(url->host == "::ffff:1");
    BOOST_TEST(url->port == 8080U);
    BOOST_TEST(url->authority() == "[::ffff:1]:8080");
    BOOST_TEST(parse_url("http://[::1]")->authority() == "[::1]");
    BOOST_TEST(error_of("http://[::1/") == "the ']' of its IPv6 address is missing");
    BOOST_TEST(error_of("http://[::g]/") == "'::g' is no IPv6 address");
    BOOST_TEST(error_of("http://[]/") == "'' is no IPv6 address");
    BOOST_TEST(error_of("http://[::1]80/") == "behind the ']' of its IPv6 address comes something other than a port");
    BOOST_TEST(error_of("http://::1/") == "':1' is not a port: a number from 1 to 65535");
}

BOOST_AUTO_TEST_CASE(a_file_needs_no_host) {
    for (const std::string text : {"file:///etc/motd", "file:/etc/motd"}) {
        const auto url = parse_url(text);
        BOOST_REQUIRE(url.has_value());
        BOOST_TEST(url->host == "");
        BOOST_TEST(url->path == "/etc/motd");
        BOOST_TEST(url->to_string() == "file:///etc/motd");
    }
    BOOST_TEST(parse_url("file://localhost/x")->host == "localhost");
    BOOST_TEST(error_of("file:motd") == "its path does not begin with '/'");
}

BOOST_AUTO_TEST_CASE(what_is_no_url_is_told) {
    for (const std::string text : {"", ":", "a", "/a", "//a/b", "1http://a", "ht tp", "a/b:c", "://a"}) {
        BOOST_TEST_CONTEXT("'" << text << "'") {
            BOOST_TEST(parse_url(text).is_error());
        }
    }
    BOOST_TEST(error_of("www.example.org/x") == "it does not begin with a scheme such as http://");
    BOOST_TEST(error_of("http:") == "the host is missing: it should begin with http://HOST");
    BOOST_TEST(error_of("http://") == "the host is missing: it should begin with http://HOST");
    BOOST_TEST(error_of("http:///x") == "the host is missing: it should begin with http://HOST");
    BOOST_TEST(error_of("http://:80/x") == "the host is missing: it should begin with http://HOST");
    BOOST_TEST(error_of("http://a%41/") == "'a%41' is no name of a host");
    BOOST_TEST(error_of("http://me:secret@a/") == "a user name in it is not supported");
    for (const std::string port : {"0", "65536", "99999999999", "8o", "-1", "+1", "80:80"})
        BOOST_TEST(error_of("http://a:" + port) == "'" + port + "' is not a port: a number from 1 to 65535");
    BOOST_TEST(error_of("http://a/%4") == "a '%' in it is not followed by two hexadecimal digits");
    BOOST_TEST(error_of("http://a/?%zz") == "a '%' in it is not followed by two hexadecimal digits");
}

// A line end in a URL would become a line end in a request.
BOOST_AUTO_TEST_CASE(no_byte_comes_through_that_a_url_must_not_hold) {
    for (int c = 0; c < 256; ++c) {
        const bool allowed = c > ' ' && c <= '~' &&
                             std::string_view("\"<>\\^`{|}%").find(static_cast<char>(c)) == std::string_view::npos;
        const auto url = parse_url("http://a/x" + std::string(1, static_cast<char>(c)) + "y");
        BOOST_TEST_CONTEXT("byte " << c) {
            BOOST_TEST(url.has_value() == allowed);
        }
    }
    BOOST_TEST(error_of("http://a/b c") ==
               "it holds a space, a control character or a letter outside ASCII, which must be percent-encoded");
    BOOST_TEST(error_of("http://a/<b>") == "it holds a '<', which must be percent-encoded");
}

BOOST_AUTO_TEST_CASE(a_url_is_bounded) {
    const std::string longest = "http://a/" + std::string(url_limit - 9, 'x');
    BOOST_TEST(parse_url(longest).has_value());
    BOOST_TEST(error_of(longest + 'x') == "it is longer than 8192 bytes");
    BOOST_TEST(parse_url("http://" + std::string(255, 'x')).has_value());
    BOOST_TEST(parse_url("http://" + std::string(256, 'x')).is_error());
}

BOOST_AUTO_TEST_CASE(every_beginning_of_a_url_is_a_url_or_an_error) {
    constexpr std::string_view whole = "http://[::1]:8080/a%20b?c=%41#d";
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        const auto url = parse_url(whole.substr(0, size));
        BOOST_TEST(!url.is_incomplete());
        if (url.is_error())
            BOOST_TEST(!url.error().empty());
    }
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read_as_the_same) {
    for (const std::string text :
         {"http://a", "http://a/", "http://a:81/?", "gopher://[::1]:7070/1/x?y", "file:///x%20y"}) {
        const auto url = parse_url(text);
        BOOST_REQUIRE(url.has_value());
        BOOST_TEST(url->to_string() == text);
        BOOST_TEST((*parse_url(url->to_string()) == *url));
    }
}

// The examples of RFC 3986 section 5.4, as far as they are for URLs with a host.
BOOST_AUTO_TEST_CASE(references_are_resolved) {
    constexpr std::string_view base = "http://a/b/c/d;p?q";
    const auto check = [&](std::string_view reference, std::string_view target) {
        BOOST_TEST_CONTEXT(reference) {
            BOOST_TEST(resolved(base, reference) == target);
        }
    };
    check("g", "http://a/b/c/g");
    check("./g", "http://a/b/c/g");
    check("g/", "http://a/b/c/g/");
    check("/g", "http://a/g");
    check("//g", "http://g");
    check("?y", "http://a/b/c/d;p?y");
    check("g?y", "http://a/b/c/g?y");
    check("#s", "http://a/b/c/d;p?q");
    check("g#s", "http://a/b/c/g");
    check(";x", "http://a/b/c/;x");
    check("", "http://a/b/c/d;p?q");
    check(".", "http://a/b/c/");
    check("./", "http://a/b/c/");
    check("..", "http://a/b/");
    check("../g", "http://a/b/g");
    check("../..", "http://a/");
    check("../../g", "http://a/g");
    check("../../../../g", "http://a/g");
    check("/./g", "http://a/g");
    check("/../g", "http://a/g");
    check("g.", "http://a/b/c/g.");
    check("..g", "http://a/b/c/..g");
    check("./../g", "http://a/b/g");
    check("./g/.", "http://a/b/c/g/");
    check("g/../h", "http://a/b/c/h");
    check("g;x=1/../y", "http://a/b/c/y");
    check("g?y/../x", "http://a/b/c/g?y/../x");
    check("https://other:1/x", "https://other:1/x");
    check("file:///etc/passwd", "file:///etc/passwd");
    check("a\r\nb", "it holds a space, a control character or a letter outside ASCII, which must be percent-encoded");
    BOOST_TEST(resolved("http://a:81", "g") == "http://a:81/g");
    BOOST_TEST(resolved("http://a?q", "g") == "http://a/g");
}

BOOST_AUTO_TEST_CASE(percent_encoded_bytes_are_decoded) {
    BOOST_TEST((percent_decode("a%20b%C3%a9%00") == std::string("a b\xc3\xa9\0", 6)));
    BOOST_TEST((percent_decode("") == ""));
    for (const std::string_view text : {"%", "%4", "%g0", "%0g", "a%", "%%41"})
        BOOST_TEST(!percent_decode(text));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
