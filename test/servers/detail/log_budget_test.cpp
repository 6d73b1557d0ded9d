#include <socketserver/detail/log_budget.hpp>

#include <support/case_guard.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <optional>

namespace socketserver::test {

using ::socketserver::detail::LogBudget;

BOOST_FIXTURE_TEST_SUITE(log_budget, CaseGuard)

BOOST_AUTO_TEST_CASE(tells_how_many_it_has_left_out_once_a_second_is_over) {
    LogBudget budget;
    std::uint64_t passed = 0;
    std::uint64_t left_out = 0;
    std::uint64_t told = 0;
    while (told == 0) {
        if (const std::optional<std::uint64_t> before = budget.take()) {
            ++passed;
            told = *before;
        } else {
            ++left_out;
        }
    }
    BOOST_TEST(told == left_out);
    // Those of the second that is over, and one of the next.
    BOOST_TEST(passed > LogBudget::most);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
