#pragma once

/// \file
/// The command line of a benchmark program.

#include "settings.hpp"

#include <socketserver/bench_main.hpp>

#include <span>
#include <string>
#include <vector>

namespace socketserver::bench {

/// Reads a command line; the values of the handlers' own options go where their protocols say.
/// \param handlers what can be measured
/// \param arguments without the program's name
/// \throw socketserver::detail::UsageError if it cannot be understood
[[nodiscard]] Settings parse_command_line(const std::vector<detail::BenchHandler>& handlers,
                                          std::span<const std::string> arguments);

/// Answers --help or --version on standard output.
/// \param handlers what can be measured
/// \param program the program's name
/// \param asked what is asked for
void answer(const std::vector<detail::BenchHandler>& handlers, const std::string& program,
            const detail::HelpRequest& asked);

/// The processors that this process may use (sched_getaffinity(2)).
[[nodiscard]] std::vector<int> usable_processors();

}  // namespace socketserver::bench
