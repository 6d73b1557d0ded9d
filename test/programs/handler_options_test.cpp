/// \file
/// The options and arguments that a handler adds to its server's command line.

#include "parsing.hpp"

#include <support/case_guard.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace socketserver::test {

namespace {

using detail::ServedProtocol;
using namespace std::chrono_literals;

/// What an argument is made into.
struct FourLetters {
    explicit FourLetters(const std::string& letters) : text(letters) {
        if (letters.size() != 4)
            throw std::invalid_argument("'" + letters + "' has not four letters");
    }
    std::string text;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(handler_options, CaseGuard)

BOOST_AUTO_TEST_CASE(a_handler_has_options_of_its_own) {
    ServedProtocol protocol = make_protocol();
    bool flag = false;
    std::string text = "none";
    std::size_t count = 3;
    std::chrono::nanoseconds span = 1500ms;
    protocol.options("flag", "a switch", flag);
    protocol.options("text", "a text", text);
    protocol.options("count", "a number", count);
    protocol.options("span", "a span of time", span);
    BOOST_TEST(complaint({"--flag", "--text=a b", "--count", "8", "--span", "0.002"}, protocol) == "");
    BOOST_TEST(flag);
    BOOST_TEST(text == "a b");
    BOOST_TEST(count == 8U);
    BOOST_TEST((span == 2ms));
    BOOST_TEST(complaint({"--count", "-8"}, protocol) == "--count: '-8' is not a whole number of 0 or more");

    BOOST_TEST(complaint({"--udp", "--flag"}, protocol) == "--flag cannot be used with --udp");
    protocol.datagrams_take_options = true;
    BOOST_TEST(complaint({"--udp", "--flag"}, protocol) == "");
}

BOOST_AUTO_TEST_CASE(a_handler_has_arguments_that_must_be_given) {
    ServedProtocol protocol = make_protocol();
    std::string folder;
    FourLetters word{"none"};
    std::uint16_t port = 70;
    protocol.options("public-port", "a port", port);
    protocol.options.argument("DIR", "the folder", folder);
    protocol.options.argument("WORD", "a word", word);
    BOOST_TEST(complaint({"a b", "--public-port", "7070", "good"}, protocol) == "");
    BOOST_TEST(folder == "a b");
    BOOST_TEST(word.text == "good");
    BOOST_TEST(port == 7070);
    BOOST_TEST(complaint({"--", "--odd", "word"}, protocol) == "");
    BOOST_TEST(folder == "--odd");
    BOOST_TEST(complaint({"", "word"}, protocol) == "");
    BOOST_TEST(folder == "");

    BOOST_TEST(complaint({}, protocol) == "DIR is missing: the folder");
    BOOST_TEST(complaint({"a"}, protocol) == "WORD is missing: a word");
    BOOST_TEST(complaint({"a", "word", "c"}, protocol) == "unexpected argument 'c'");
    BOOST_TEST(complaint({"a", "longer"}, protocol) == "WORD: 'longer' has not four letters");
    BOOST_TEST(complaint({"--public-port", "65536", "a", "word"}, protocol) ==
               "--public-port: '65536' is not a whole number from 0 to 65535");
    BOOST_TEST(complaint({"--help"}, protocol) == "");
    BOOST_TEST(complaint({"--version"}, protocol) == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
