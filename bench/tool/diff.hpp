#pragma once

/// \file
/// The results of two runs side by side.

#include <iosfwd>
#include <span>
#include <string>

namespace socketserver::bench {

/// `diff A.json B.json [--threshold PERCENT]`: prints what changed from A to B, and how far each figure is known.
///
/// Compared are the rate of closed loops (unless the clients were its limit), the 99th percentile of open ones, processor
/// time and memory. A figure has become worse if its median differs by more than the threshold, and the runs of A and B do not
/// overlap: a difference within the noise is none.
///
/// \param arguments those after "diff"
/// \param out gets the table
/// \return 0, or 1 if something has become worse
/// \throw socketserver::detail::UsageError
/// \throw std::runtime_error naming a file that cannot be read
int run_diff(std::span<const std::string> arguments, std::ostream& out);

}  // namespace socketserver::bench
