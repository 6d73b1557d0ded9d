#pragma once

/// \file
/// The report of a benchmark: a page that shows what results.json holds.

#include <string>

namespace socketserver::bench {

/// An HTML page with the plots, tables and advice of a benchmark.
///
/// Takes the contents of a results.json (docs/benchmark-results.md). The page is whole in itself: it opens from a file,
/// without a network, and its Content-Security-Policy forbids it to ask for anything. What stands in the results becomes
/// text in it, never HTML.
///
/// Throws std::invalid_argument if that is no JSON, if it is of another version than 1, or if a member that the page
/// needs is missing or of the wrong type; what() says which, by its path. Members that it does not know are passed over.
///
/// Thread: any.
[[nodiscard]] std::string render_report(const std::string& results_json);

}  // namespace socketserver::bench
