#pragma once

/// \file
/// The results of two runs side by side.

#include <iosfwd>
#include <span>
#include <string>

namespace socketserver::bench {

/// `diff A.json B.json [--threshold PERCENT]`: prints what changed from A to B, and how far each figure is known.
///
/// Compared are the rate of closed loops, the 99th percentile of open ones, processor time and memory. A figure has become
/// worse if its median differs by more than the threshold, and the runs of A and B do not overlap: a difference within the
/// noise is none. A rate at which the clients were at their limit is not compared, with one exception: where that was so in A
/// only and B's rate is lower, the server has fallen below what it could do at least.
///
/// Worse is also a measurement with errors in B and none in A, and a server that failed in B, so that it was left out, and
/// did not in A. Notes say which circumstances (handler, machine, compiler, settings) are others, and which file is not whole.
///
/// \param arguments those after "diff"
/// \param out gets the table
/// \return 0, or 1 if something has become worse
/// \throw socketserver::detail::UsageError
/// \throw std::runtime_error naming a file that cannot be read
int run_diff(std::span<const std::string> arguments, std::ostream& out);

}  // namespace socketserver::bench
