// The table of concurrencies, and the choice of one at run time.

#include <socketserver/concurrencies.hpp>

#include <support/case_guard.hpp>

#include <boost/test/unit_test.hpp>

#include <string_view>
#include <type_traits>

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(concurrencies_by_name, CaseGuard)

BOOST_AUTO_TEST_CASE(a_name_chooses_its_concurrency_alone) {
    for (const std::string_view name : concurrency_names()) {
        int calls = 0;
        BOOST_TEST(with_concurrency(name, [&]<class Concurrency>(Concurrency) {
            ++calls;
            BOOST_TEST((std::is_same_v<Concurrency, ThreadPool> == (name == "thread-pool")));
            BOOST_TEST((std::is_same_v<Concurrency, Preforking<Selecting>> == (name == "preforking-selecting")));
        }));
        BOOST_TEST(calls == 1);
    }
}

BOOST_AUTO_TEST_CASE(an_unknown_name_calls_nothing) {
    for (const std::string_view name : {"", "preforking", "Threading", "threading "})
        BOOST_TEST(!with_concurrency(name, [](auto) { BOOST_ERROR("called"); }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
