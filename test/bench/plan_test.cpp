#include "plan.hpp"

#include "support/case_guard.hpp"

#include <socketserver/detail/program_options.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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

BOOST_AUTO_TEST_CASE(runs_an_open_loop_in_one_of_the_shapes_that_are_measured) {
    const auto shape = [](const Settings& settings, bool datagrams) -> std::optional<Shape> {
        std::optional<Shape> found;
        for (const Cell& cell : make_plan(settings, datagrams).cells) {
            if (!cell.open_loop)
                continue;
            BOOST_TEST((!found || found == cell.shape));
            found = cell.shape;
        }
        return found;
    };
    Settings settings = settings_of({"forking"}, {Shape::pipelined, Shape::udp, Shape::idle}, {10});
    BOOST_TEST((shape(settings, true) == Shape::udp));
    BOOST_TEST((shape(settings, false) == Shape::pipelined));
    settings = settings_of({"forking"}, {Shape::pipelined, Shape::connect, Shape::keepalive}, {10});
    BOOST_TEST((shape(settings, true) == Shape::keepalive));
    // So many connections that stay are left out.
    settings.connections = {10'000};
    BOOST_TEST((shape(settings, true) == Shape::connect));
    settings.open_loop = false;
    BOOST_TEST((shape(settings, true) == std::nullopt));
}

BOOST_AUTO_TEST_CASE(refuses_a_rate_that_nothing_is_measured_at) {
    Settings settings = settings_of({"selecting"}, {Shape::idle, Shape::udp}, {10});
    settings.rate = 100;
    BOOST_TEST(make_plan(settings, true).cells.size() == 2U);
    const auto says = [](const std::string& end) {
        return
            [end](const socketserver::detail::UsageError& error) { return std::string(error.what()).ends_with(end); };
    };
    BOOST_CHECK_EXCEPTION(static_cast<void>(make_plan(settings, false)), socketserver::detail::UsageError,
                          says("add keepalive, pipelined or connect to --shape"));
    settings.shapes = {Shape::idle};
    BOOST_CHECK_EXCEPTION(static_cast<void>(make_plan(settings, true)), socketserver::detail::UsageError,
                          says("add keepalive, pipelined, connect or udp to --shape"));
    settings.rate.reset();
    BOOST_TEST(make_plan(settings, false).cells.size() == 1U);
}

BOOST_AUTO_TEST_CASE(does_not_make_thousands_of_processes) {
    const Plan plan = make_plan(settings_of({"forking"}, {Shape::keepalive}, {100, 10'000}), true);
    BOOST_TEST(plan.cells.size() == 1U);
    BOOST_REQUIRE(plan.left_out.size() == 1U);
    BOOST_TEST(plan.left_out.front().connections.value() == 10'000U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
