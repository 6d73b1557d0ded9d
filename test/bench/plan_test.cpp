#include "plan.hpp"

#include "support/case_guard.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <string>

namespace socketserver::test {

using namespace bench;
using namespace std::chrono_literals;

namespace {

Settings settings_of(std::vector<std::string> modes, std::vector<Shape> shapes, std::vector<std::size_t> connections) {
    Settings settings;
    for (std::string& mode : modes)
        settings.subjects.push_back({std::move(mode), ""});
    settings.shapes = std::move(shapes);
    settings.connections = std::move(connections);
    settings.run = 100ms;
    settings.repetitions = 2;
    return settings;
}

std::size_t count(const Plan& plan, const std::string& mode, Shape shape) {
    return static_cast<std::size_t>(std::count_if(plan.cells.begin(), plan.cells.end(), [&](const Cell& cell) {
        return cell.subject.name == mode && cell.shape == shape;
    }));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bench_plan, CaseGuard)

BOOST_AUTO_TEST_CASE(holds_each_mode_with_each_shape_and_number) {
    const Plan plan = make_plan(settings_of({"selecting", "threading"}, {Shape::keepalive, Shape::udp}, {1, 10}), true);
    BOOST_TEST(plan.cells.size() == 8U);
    BOOST_TEST(plan.left_out.empty());
    // Two runs of each, and of keepalive at three rates as well.
    BOOST_TEST(plan.runs == 2U * (8 + 4 * 3));
    BOOST_TEST((plan.expected > 100ms * static_cast<int>(plan.runs)));
}

BOOST_AUTO_TEST_CASE(measures_blocking_with_one_connection_that_stays) {
    const Plan plan =
        make_plan(settings_of({"blocking"}, {Shape::keepalive, Shape::connect, Shape::idle}, {10, 100}), true);
    BOOST_TEST(count(plan, "blocking", Shape::keepalive) == 1U);
    BOOST_TEST(plan.cells.front().connections == 1U);
    BOOST_TEST(count(plan, "blocking", Shape::connect) == 2U);
    BOOST_TEST(count(plan, "blocking", Shape::idle) == 0U);
    BOOST_TEST(plan.left_out.size() == 2U);
}

BOOST_AUTO_TEST_CASE(leaves_datagrams_out_where_there_are_none) {
    Settings settings = settings_of({"selecting"}, {Shape::udp, Shape::keepalive}, {10});
    settings.subjects.push_back({"theirs", "server PORT"});
    BOOST_TEST(count(make_plan(settings, false), "selecting", Shape::udp) == 0U);
    const Plan plan = make_plan(settings, true);
    BOOST_TEST(count(plan, "selecting", Shape::udp) == 1U);
    BOOST_TEST(count(plan, "theirs", Shape::udp) == 0U);
    BOOST_TEST(count(plan, "theirs", Shape::keepalive) == 1U);
}

BOOST_AUTO_TEST_CASE(does_not_make_thousands_of_processes) {
    const Plan plan = make_plan(settings_of({"forking"}, {Shape::keepalive}, {100, 10'000}), true);
    BOOST_TEST(plan.cells.size() == 1U);
    BOOST_REQUIRE(plan.left_out.size() == 1U);
    BOOST_TEST(plan.left_out.front().connections.value() == 10'000U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
