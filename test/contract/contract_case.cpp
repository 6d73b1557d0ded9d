#include "combination.hpp"

#include "support/case_guard.hpp"

#include <boost/test/unit_test.hpp>

namespace socketserver::test {

ContractCase::ContractCase(const char* name, bool (*applies)(const Combination&), void (*body)(const Combination&),
                           const char* file, std::size_t line) {
    namespace unit_test = boost::unit_test;
    auto* const suite = BOOST_TEST_SUITE(name);
    for (const Combination& combination : combinations()) {
        if (!applies(combination))
            continue;
        const auto run = [combination, body] {
            const CaseGuard guard;
            body(combination);
        };
        suite->add(unit_test::make_test_case(run, combination.name, file, line));
    }
    unit_test::framework::current_auto_test_suite().add(suite);
}

}  // namespace socketserver::test
