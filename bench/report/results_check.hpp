#pragma once

/// \file
/// What the report needs of a results.json.

#include <string>

namespace socketserver::bench::detail {

/// The same JSON on one line, in ASCII, with all that the page relies on: see render_report(), also for what is thrown.
///
/// Thread: any.
[[nodiscard]] std::string checked_results(const std::string& text);

}  // namespace socketserver::bench::detail
