#pragma once

/// \file
/// What was measured.

#include "load.hpp"
#include "plan.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace socketserver::bench {

/// A quantity over several runs. A value.
struct Figure {
    std::vector<double> runs;  ///< in the order in which they were made

    /// The middle one, or the mean of the two in the middle. Requires: a run.
    [[nodiscard]] double median() const;
    /// Requires: a run.
    [[nodiscard]] double least() const;
    /// Requires: a run.
    [[nodiscard]] double greatest() const;
    /// How far the runs lie apart: half of the range, as a part of the median.
    [[nodiscard]] double noise() const;
};

/// A part of those latencies that the table and results.json name.
struct Percentile {
    double percent;    ///< 0 to 100
    const char* name;  ///< in results.json
};
/// p50, p90, p99, p99.9 and the longest.
inline constexpr Percentile percentiles[] = {
    {50, "p50_us"}, {90, "p90_us"}, {99, "p99_us"}, {99.9, "p99_9_us"}, {100, "max_us"}};

/// All runs of a cell under one kind of load. A value.
struct Measurement {
    Cell cell;
    bool open = false;                  ///< a fixed rate
    std::optional<double> load;         ///< of the mode's peak
    std::optional<double> target_rate;  ///< requests due per second

    std::size_t repetitions = 0;
    std::uint64_t requests = 0;
    std::uint64_t errors = 0;
    std::string first_error;
    Figure rate;                  ///< requests per second; empty for connections that wait
    std::vector<Figure> latency;  ///< in microseconds, as percentiles says; empty likewise
    Figure cpu;                   ///< microseconds for a request; empty likewise
    Figure memory;                ///< bytes for a connection; empty where it is not measured
    Figure busy;                  ///< of the clients; empty for connections that wait
    LatencyHistogram latencies;   ///< of all runs

    /// Whether the clients were at their limit, so that the rate is theirs.
    [[nodiscard]] bool limited_by_generator() const;
};

/// What one run of a server showed. A value.
struct RunResult {
    LoadResult load;
    double cpu_seconds = 0;             ///< for a request
    std::optional<double> memory = {};  ///< bytes for a connection
};

/// Adds a run to a measurement.
void add(Measurement& measurement, const RunResult& run);

}  // namespace socketserver::bench
