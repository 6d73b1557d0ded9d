#include "support/case_guard.hpp"

#include <socketserver/net/parse_result.hpp>

#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <string>
#include <variant>

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(parse_result, CaseGuard)

BOOST_AUTO_TEST_CASE(a_value_tells_how_many_bytes_made_it) {
    const ParseResult<std::string> result("text", 6);
    BOOST_TEST(result.has_value());
    BOOST_TEST(static_cast<bool>(result));
    BOOST_TEST(!result.is_incomplete());
    BOOST_TEST(!result.is_error());
    BOOST_TEST(result.value() == "text");
    BOOST_TEST(*result == "text");
    BOOST_TEST(result->size() == 4U);
    BOOST_TEST(result.consumed() == 6U);
    BOOST_CHECK_THROW(static_cast<void>(result.error()), std::bad_variant_access);
}

BOOST_AUTO_TEST_CASE(incomplete_is_neither_value_nor_error) {
    const ParseResult<std::string> result = Incomplete{};
    BOOST_TEST(result.is_incomplete());
    BOOST_TEST(!result.has_value());
    BOOST_TEST(!result.is_error());
    BOOST_TEST(result.consumed() == 0U);
    BOOST_CHECK_THROW(static_cast<void>(result.value()), std::bad_variant_access);
}

BOOST_AUTO_TEST_CASE(an_error_says_why) {
    const ParseResult<std::string> result = ParseError{"the port is not a number"};
    BOOST_TEST(result.is_error());
    BOOST_TEST(!result.has_value());
    BOOST_TEST(!result.is_incomplete());
    BOOST_TEST(result.error() == "the port is not a number");
    BOOST_TEST(result.consumed() == 0U);
}

BOOST_AUTO_TEST_CASE(a_value_can_be_moved_out) {
    // Called through a function that g++ does not see into: it takes the other alternatives for uninitialised.
    const std::function<ParseResult<std::unique_ptr<int>>()> parse = [] {
        return ParseResult(std::make_unique<int>(7), 1);
    };
    auto result = parse();
    const std::unique_ptr<int> taken = std::move(result).value();
    BOOST_TEST(*taken == 7);
    BOOST_TEST(result.value() == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
