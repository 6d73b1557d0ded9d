#include <socketserver/detail/eagerness.hpp>

#include <boost/test/unit_test.hpp>

#include <vector>

namespace socketserver::test {

using ::socketserver::detail::Eagerness;

namespace {

/// How many requests pass before the next try.
unsigned requests_before_try(Eagerness& eagerness) {
    unsigned passed = 0;
    while (!eagerness.is_due())
        ++passed;
    return passed;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(eagerness)

BOOST_AUTO_TEST_CASE(tries_after_each_request_while_that_finds_another) {
    Eagerness eagerness;
    for (int i = 0; i < 100; ++i) {
        BOOST_TEST(eagerness.is_due());
        eagerness.tried(true);
    }
}

BOOST_AUTO_TEST_CASE(lets_more_requests_pass_after_each_try_in_vain_but_never_stops_trying) {
    Eagerness eagerness;
    std::vector<unsigned> passed;
    for (int i = 0; i < 7; ++i) {
        passed.push_back(requests_before_try(eagerness));
        eagerness.tried(false);
    }
    BOOST_TEST(passed == (std::vector<unsigned>{0, 1, 3, 7, 15, 31, 31}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(is_as_eager_as_ever_once_a_try_has_found_something) {
    Eagerness eagerness;
    for (int i = 0; i < 7; ++i)
        eagerness.tried(false);
    requests_before_try(eagerness);
    eagerness.tried(true);
    BOOST_TEST(requests_before_try(eagerness) == 0U);
    eagerness.tried(false);
    BOOST_TEST(requests_before_try(eagerness) == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
