#pragma once

/// \file
/// Running the matrix.

#include "measurement.hpp"
#include "plan.hpp"
#include "settings.hpp"

#include <socketserver/os/signals.hpp>

#include <functional>
#include <string>
#include <vector>

namespace socketserver::bench {

/// All that was measured. A value.
struct Results {
    std::vector<Measurement> measurements;  ///< in the order of the matrix, closed loop before open, as load grows
    std::vector<LeftOut> left_out;
    bool complete = true;  ///< false: interrupted
};

/// Tells of progress: which run begins.
using Announce = std::function<void(const Measurement& next)>;

/// Runs one cell once, in processes of its own.
/// \param cell which
/// \param rate requests due per second, for an open loop
/// \param settings how
/// \throw Interrupted, WrongReply
/// \throw std::runtime_error if the server or its clients fail
[[nodiscard]] RunResult run_once(const Cell& cell, std::optional<double> rate, const Settings& settings,
                                 const SignalFd& signals);

/// Runs all of a plan: every cell once, then again, so that what changes on the machine meanwhile favours none; first the closed
/// loops, whose medians are the peaks of the open ones. What cannot be measured is left out with a reason.
/// \throw std::runtime_error if a reply is wrong, naming the cell
[[nodiscard]] Results run_all(const Plan& plan, const Settings& settings, const SignalFd& signals,
                              const Announce& announce);

}  // namespace socketserver::bench
