/// \file
/// What is fuzzed, over the corpus: the seeds, and whatever was once found.

#include "targets.hpp"

#include <support/case_guard.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace socketserver::test {

namespace {

struct Target {
    const char* name;
    void (*run)(std::string_view);

    friend std::ostream& operator<<(std::ostream& out, const Target& target) { return out << target.name; }
};

const std::vector<Target> targets{
    {"address", fuzz::fuzz_address},
    {"command_line", fuzz::fuzz_command_line},
    {"command_reply", fuzz::fuzz_command_reply},
    {"gopher", fuzz::fuzz_gopher},
    {"http", fuzz::fuzz_http},
    {"line_protocol", fuzz::fuzz_line_protocol},
    {"lines", fuzz::fuzz_lines},
    {"server", fuzz::fuzz_server},
    {"url", fuzz::fuzz_url},
    {"utf8", fuzz::fuzz_utf8},
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(fuzz_corpus, CaseGuard)

BOOST_DATA_TEST_CASE(its_properties_hold_for_all_seeds, boost::unit_test::data::make(targets), target) {
    std::size_t seeds = 0;
    for (const auto& seed :
         std::filesystem::directory_iterator(std::filesystem::path(SOCKETSERVER_FUZZ_CORPUS) / target.name)) {
        std::ifstream file(seed.path(), std::ios::binary);
        const std::string bytes(std::istreambuf_iterator<char>(file), {});
        BOOST_TEST_CONTEXT(seed.path()) {
            target.run(bytes);
        }
        ++seeds;
    }
    BOOST_TEST(seeds > 0U);
    // What there is of nothing.
    target.run({});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
