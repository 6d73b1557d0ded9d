#include <socketserver/handlers/gopher_url.hpp>

#include "support/case_guard.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace socketserver::test {

namespace {

ParseResult<GopherDocument> parse(const std::string& text) {
    return parse_gopher_path(*parse_url(text));
}

/// Type, selector and search of a URL.
std::string parts(const std::string& text) {
    const auto document = parse(text);
    if (!document)
        return document.error();
    return std::string(1, document->type) + '|' + document->request.selector + '|' + document->request.search;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(gopher_url, CaseGuard)

// RFC 4266 section 2.1.
BOOST_AUTO_TEST_CASE(a_path_is_a_type_and_a_selector) {
    BOOST_TEST(parts("gopher://a") == "1||");
    BOOST_TEST(parts("gopher://a/") == "1||");
    BOOST_TEST(parts("gopher://a/1") == "1||");
    BOOST_TEST(parts("gopher://a/0/about.txt") == "0|/about.txt|");
    BOOST_TEST(parts("gopher://a/0about.txt") == "0|about.txt|");
    BOOST_TEST(parts("gopher://a/9/with%20space") == "9|/with space|");
    BOOST_TEST(parts("gopher://a/7/find%09some%20words") == "7|/find|some words");
    BOOST_TEST(parts("gopher://a/0/x?y=%3f") == "0|/x?y=?|");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_asked_for_is_an_error) {
    for (const std::string path : {"/0a%0d%0ab", "/0a%0ab", "/0a%00b", "/%0ab", "/%09", "/0a%0a"}) {
        BOOST_TEST_CONTEXT(path) {
            BOOST_TEST(parse("gopher://a" + path).is_error());
        }
    }
    BOOST_TEST(parts("gopher://a/0" + std::string(256, 'x')) == "the selector is longer than 255 bytes");
    BOOST_TEST(parts("gopher://a/0" + std::string(255, 'x')) == "0|" + std::string(255, 'x') + "|");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
