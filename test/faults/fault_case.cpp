#include "fault_case.hpp"

#include <support/case_guard.hpp>
#include <support/fault_note.hpp>

#include <socketserver/concurrencies.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <tuple>

namespace socketserver::test {

namespace {

bool full_load = false;  // the case that runs has asked for load() and got all of it

template <class Concurrency>
FaultMode fault_mode(NamedConcurrency<Concurrency> named) {
    constexpr std::string_view preforking = "preforking-";
    FaultMode mode{traits_of<Concurrency>, std::string(named.name), {"--mode"}};
    if (mode.preforks) {
        mode.workers = 2;
        mode.arguments.insert(mode.arguments.end(),
                              {"preforking", "--inner", std::string(named.name.substr(preforking.size()))});
    } else {
        mode.arguments.emplace_back(named.name);
    }
    return mode;
}

template <class Predicate>
std::vector<FaultMode> those(Predicate predicate) {
    const auto all = every_mode();
    std::vector<FaultMode> found;
    std::copy_if(all.begin(), all.end(), std::back_inserter(found), predicate);
    return found;
}

}  // namespace

FaultMode FaultMode::with_one_worker() const {
    FaultMode mode = *this;
    mode.workers = preforks ? 1 : 0;
    return mode;
}

std::vector<FaultMode> every_mode() {
    return std::apply([](auto... each) { return std::vector<FaultMode>{fault_mode(each)...}; }, concurrencies);
}

std::vector<FaultMode> several_at_a_time() {
    return those([](const FaultMode& mode) { return !mode.one_at_a_time; });
}

std::vector<FaultMode> forking_mode() {
    return those([](const FaultMode& mode) { return mode.forks; });
}

std::vector<FaultMode> preforking_modes() {
    return those([](const FaultMode& mode) { return mode.preforks; });
}

std::vector<FaultMode> modes_of_threads() {
    return those([](const FaultMode& mode) { return mode.has_threads && !mode.preforks; });
}

std::vector<FaultMode> modes_of_all_threads() {
    return those([](const FaultMode& mode) { return mode.has_threads; });
}

std::vector<FaultMode> modes_of_fibers() {
    return those([](const FaultMode& mode) { return mode.has_fibers; });
}

std::vector<FaultMode> modes_of_children() {
    return those([](const FaultMode& mode) { return mode.forks || mode.preforks; });
}

bool loads_are_full() {
    const char* const wanted = std::getenv("SOCKETSERVER_FAULTS");
    return wanted != nullptr && std::string_view(wanted) == "full";
}

int load(int in_ci, int in_full) {
    full_load = loads_are_full();
    return full_load ? in_full : in_ci;
}

std::string grouped(long number) {
    std::string text = std::to_string(number);
    for (auto at = static_cast<long>(text.size()) - 3; at > 0; at -= 3)
        text.insert(static_cast<std::size_t>(at), ",");
    return text;
}

FaultCase::FaultCase(int scenario, std::string_view name, FaultModes which, std::string (*body)(const FaultMode&),
                     const char* file, std::size_t line) {
    namespace unit_test = boost::unit_test;
    if (which().empty())
        return;
    auto* const suite = BOOST_TEST_SUITE("fault_" + std::to_string(scenario) + '_' + std::string(name));
    for (const FaultMode& mode : which()) {
        const auto run = [scenario, mode, body] {
            const CaseGuard guard;
            full_load = false;
            const std::string figure = body(mode);
            note_fault(scenario, mode.name, figure, full_load);
        };
        suite->add(unit_test::make_test_case(run, mode.name, file, line));
    }
    unit_test::framework::current_auto_test_suite().add(suite);
}

}  // namespace socketserver::test
