#include "crew.hpp"
#include "dialogue.hpp"

#include "programs/listener.hpp"
#include "support/case_guard.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>
#include <thread>

namespace socketserver::test {

using namespace bench;
using namespace std::chrono_literals;

namespace {

/// Clients of somebody who takes connections and never answers.
LoadSpec spec_of(const Listener& silent, std::size_t connections) {
    LoadSpec spec{};
    spec.port = static_cast<std::uint16_t>(std::stoi(silent.port()));
    spec.connections = connections;
    spec.spin = false;
    spec.patience = 300ms;
    return spec;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bench_crew, CaseGuard)

// It takes longer to make the request than the run lasts: until that has ended nobody waits.
BOOST_AUTO_TEST_CASE(waiting_for_replies_that_never_come_is_no_idleness) {
    const Listener silent;
    const LoadSpec spec = spec_of(silent, 1);
    BenchDialogue dialogue = complete({});
    dialogue.request = [](std::uint64_t) {
        std::this_thread::sleep_for(50ms);
        return std::string("request\n");
    };
    const LoadResult result = Crew(spec, dialogue, 0, 1).run(10ms, std::nullopt);
    BOOST_TEST(result.requests == 0U);
    BOOST_TEST(result.errors == 1U);
    BOOST_TEST((result.elapsed == 10ms));
    BOOST_TEST(result.busy == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
