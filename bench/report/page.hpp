#pragma once

/// \file
/// The report's page, as embed.cmake made it.

#include <string_view>

namespace socketserver::bench::detail {

/// The page, with `@results@` where the results belong.
///
/// Thread: any. What is returned lives as long as the program.
[[nodiscard]] std::string_view page();

}  // namespace socketserver::bench::detail
