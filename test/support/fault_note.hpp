#pragma once

/// \file
/// What a test case shows of a scenario of docs/reliability.md.

#include <string_view>

namespace socketserver::test {

/// Notes what the case that runs has shown. Once it has passed, CaseGuard tells so on standard output, in a line
/// `fault SCENARIO MODE CASE: FIGURE`, with the word "full" before it if that was the whole load of the scenario; from these
/// lines script/reliability makes the tables of docs/reliability.md.
///
/// Thread: the one that runs the case.
/// \param scenario its number there
/// \param mode the concurrency it was shown for, e.g. "forking"
/// \param figure what was held, in a few words: "1,000 requests, 0 zombies"
/// \param full whether the load was all that the scenario names, and more than CI has time for
void note_fault(int scenario, std::string_view mode, std::string_view figure, bool full = false);

/// Tells what was noted since the last call, or forgets it.
/// \param passed whether the case has passed
void tell_noted_faults(bool passed);

}  // namespace socketserver::test
