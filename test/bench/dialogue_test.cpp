#include "dialogue.hpp"

#include "support/case_guard.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(bench_dialogue, CaseGuard)

BOOST_AUTO_TEST_CASE(a_request_is_a_line_of_32_bytes_unlike_any_other) {
    for (const BenchDialogue& dialogue : {bench::complete({}), bench::echo_dialogue(), bench::time_dialogue()}) {
        const std::string request = dialogue.request(0xfedc'ba98'7654'3210U);
        BOOST_TEST(request == "request fedcba9876543210 of all\n");
        BOOST_TEST(request.size() == 32U);
        BOOST_TEST(request != dialogue.request(0));
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
