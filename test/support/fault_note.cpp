#include "fault_note.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <string>

namespace socketserver::test {

namespace {

std::string noted;

}  // namespace

void note_fault(int scenario, std::string_view mode, std::string_view figure, bool full) {
    noted += std::string(full ? "full " : "") + "fault " + std::to_string(scenario) + ' ';
    noted += mode;
    noted += ' ' + boost::unit_test::framework::current_test_case().full_name() + ": ";
    noted += figure;
    noted += '\n';
}

void tell_noted_faults(bool passed) {
    if (passed && !noted.empty()) {
        std::fputs(noted.c_str(), stdout);
        std::fflush(stdout);
    }
    noted.clear();
}

}  // namespace socketserver::test
