#pragma once

/// \file
/// How often something took how long.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace socketserver::bench {

/// A histogram of durations from a nanosecond to a thousand seconds, each known to 0.5 %: its bins grow with the duration
/// (Boost.Histogram, a regular axis under a logarithm). The shortest and the longest are known exactly.
///
/// Thread: one at a time; each thread fills one of its own, and they are merged.
class LatencyHistogram {
public:
    using Duration = std::chrono::nanoseconds;

    /// Empty.
    LatencyHistogram();
    ~LatencyHistogram();
    LatencyHistogram(const LatencyHistogram& other);
    LatencyHistogram(LatencyHistogram&& other) noexcept;
    LatencyHistogram& operator=(LatencyHistogram other) noexcept;

    /// Counts a duration. What lies outside the bounds counts in the bin nearest to it.
    void add(Duration duration);

    /// Adds all that another one has counted.
    void merge(const LatencyHistogram& other);

    /// How many were counted.
    [[nodiscard]] std::uint64_t count() const noexcept;

    /// The duration that a part of them did not exceed.
    /// \param part from 0, which gives the shortest, to 1, which gives the longest
    /// \return 0 if nothing was counted
    [[nodiscard]] Duration quantile(double part) const;

    /// What must be told to another process.
    struct Parts {
        std::vector<std::pair<std::size_t, std::uint64_t>> bins;  ///< number of the bin and count, where that is not 0
        Duration shortest{};                                      ///< exactly
        Duration longest{};                                       ///< exactly
    };
    /// What was counted.
    [[nodiscard]] Parts parts() const;
    /// Adds what another process has counted.
    /// \throw std::out_of_range if there is no such bin
    void merge(const Parts& parts);

private:
    struct Counts;
    std::unique_ptr<Counts> counts_;
};

}  // namespace socketserver::bench
