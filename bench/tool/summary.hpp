#pragma once

/// \file
/// What is told of the results in words and columns.

#include "measure.hpp"

#include <string>
#include <vector>

namespace socketserver::bench {

/// The table: a line for each measurement, then what was left out.
[[nodiscard]] std::string table(const Results& results);

/// Sentences that say which mode to choose, drawn from the figures; none if they allow none. A mode is not chosen for what it
/// lost requests or failed under. All are named whose figures differ by less than 5 % or overlap: median ± half of the range.
[[nodiscard]] std::vector<std::string> advice(const Results& results);

/// Sentences that say what makes the figures doubtful.
[[nodiscard]] std::vector<std::string> warnings(const Results& results, const Settings& settings);

/// A number with commas: "165,432".
[[nodiscard]] std::string with_commas(double number);

}  // namespace socketserver::bench
