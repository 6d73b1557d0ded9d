#pragma once

/// \file
/// Telling how far the measurement is.

#include "measurement.hpp"
#include "plan.hpp"

#include <chrono>
#include <cstddef>
#include <string>

namespace socketserver::bench {

/// A bar with the remaining time on standard error if that is a terminal, else a line for each run.
///
/// Thread: one at a time. Takes its bar away when it is destroyed.
class Progress {
public:
    /// \param plan what will be run
    explicit Progress(const Plan& plan);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// A run begins.
    void next(const Measurement& measurement);

private:
    [[nodiscard]] std::chrono::nanoseconds remaining() const;

    const Plan& plan_;
    const bool terminal_;
    const std::chrono::steady_clock::time_point start_;
    std::size_t begun_ = 0;
};

/// "7:05", or "12 s" where it is less than a minute.
[[nodiscard]] std::string to_text(std::chrono::nanoseconds span);

}  // namespace socketserver::bench
