#include "measurement.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace socketserver::bench {

namespace {

// From here on the clients' own work decides how many requests are made.
constexpr double all_but_idle = 0.95;

}  // namespace

double Figure::median() const {
    std::vector<double> sorted = runs;
    std::sort(sorted.begin(), sorted.end());
    return (sorted[(sorted.size() - 1) / 2] + sorted[sorted.size() / 2]) / 2;
}

double Figure::least() const {
    return *std::min_element(runs.begin(), runs.end());
}

double Figure::greatest() const {
    return *std::max_element(runs.begin(), runs.end());
}

double Figure::noise() const {
    return median() > 0 ? (greatest() - least()) / 2 / median() : 0;
}

bool Measurement::limited_by_generator() const {
    return !busy.runs.empty() && busy.median() > all_but_idle;
}

void add(Measurement& measurement, const RunResult& run) {
    ++measurement.repetitions;
    measurement.requests += run.load.requests;
    measurement.errors += run.load.errors;
    if (measurement.first_error.empty())
        measurement.first_error = run.load.first_error;
    if (run.memory)
        measurement.memory.runs.push_back(*run.memory);
    if (measurement.cell.shape == Shape::idle)
        return;
    const std::chrono::duration<double> elapsed = run.load.elapsed;
    measurement.rate.runs.push_back(static_cast<double>(run.load.requests) / elapsed.count());
    measurement.cpu.runs.push_back(run.cpu_seconds * 1e6);
    measurement.busy.runs.push_back(run.load.busy);
    measurement.latency.resize(std::size(percentiles));
    for (std::size_t i = 0; i < std::size(percentiles); ++i) {
        const std::chrono::duration<double, std::micro> at = run.load.latencies.quantile(percentiles[i].percent / 100);
        measurement.latency[i].runs.push_back(at.count());
    }
    measurement.latencies.merge(run.load.latencies);
}

}  // namespace socketserver::bench
