#include "latency_histogram.hpp"

// g++ takes a multi_index for uninitialised, where it is made to be filled next, when it optimises a little.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <boost/histogram/axis/regular.hpp>
#include <boost/histogram/histogram.hpp>
#include <boost/histogram/make_histogram.hpp>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace socketserver::bench {

namespace {

namespace bh = boost::histogram;

// In nanoseconds. 240 bins for each power of ten: each is 1 % wide, and a value is told by its middle.
constexpr double least = 1;
constexpr double greatest = 1e12;
constexpr unsigned bins = 12 * 240;

using Axis = bh::axis::regular<double, bh::axis::transform::log, bh::use_default, bh::axis::option::none_t>;
using Counted = decltype(bh::make_histogram_with(std::vector<std::uint64_t>(), Axis(bins, least, greatest)));

}  // namespace

struct LatencyHistogram::Counts {
    Counted bins = bh::make_histogram_with(std::vector<std::uint64_t>(), Axis(bench::bins, least, greatest));
    std::uint64_t total = 0;
    Duration shortest = Duration::max();
    Duration longest{0};
};

LatencyHistogram::LatencyHistogram() : counts_(std::make_unique<Counts>()) {}
LatencyHistogram::~LatencyHistogram() = default;
LatencyHistogram::LatencyHistogram(const LatencyHistogram& other) : counts_(std::make_unique<Counts>(*other.counts_)) {}
LatencyHistogram::LatencyHistogram(LatencyHistogram&& other) noexcept = default;
LatencyHistogram& LatencyHistogram::operator=(LatencyHistogram other) noexcept {
    counts_ = std::move(other.counts_);
    return *this;
}

void LatencyHistogram::add(Duration duration) {
    constexpr double last = greatest * 0.999;  // the upper end itself lies in no bin
    const auto value = std::clamp(static_cast<double>(duration.count()), least, last);
    const auto bin = counts_->bins.axis().index(value);
    ++counts_->bins.at(bin);
    ++counts_->total;
    counts_->shortest = std::min(counts_->shortest, duration);
    counts_->longest = std::max(counts_->longest, duration);
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
    counts_->bins += other.counts_->bins;
    counts_->total += other.counts_->total;
    counts_->shortest = std::min(counts_->shortest, other.counts_->shortest);
    counts_->longest = std::max(counts_->longest, other.counts_->longest);
}

std::uint64_t LatencyHistogram::count() const noexcept {
    return counts_->total;
}

LatencyHistogram::Duration LatencyHistogram::quantile(double part) const {
    if (counts_->total == 0)
        return Duration{0};
    if (part <= 0)
        return counts_->shortest;
    // The rank of the value that `part` of all do not exceed; the first has rank 1. A part like 99.9 % is no binary fraction:
    // what it is too much must not make a whole rank.
    constexpr double rounding = 1e-12;
    const auto total = static_cast<double>(counts_->total);
    const double exact = std::ceil(part * total * (1 - rounding));
    const auto rank = static_cast<std::uint64_t>(std::clamp(exact, 1.0, total));
    if (rank == counts_->total)
        return counts_->longest;
    std::uint64_t seen = 0;
    for (unsigned i = 0; i < bench::bins; ++i) {
        const auto bin = static_cast<int>(i);
        seen += counts_->bins.at(bin);
        if (seen >= rank) {
            const auto middle = static_cast<Duration::rep>(counts_->bins.axis().value(bin + 0.5));
            return std::clamp(Duration{middle}, counts_->shortest, counts_->longest);
        }
    }
    return counts_->longest;
}

LatencyHistogram::Parts LatencyHistogram::parts() const {
    Parts parts;
    for (unsigned i = 0; i < bench::bins; ++i) {
        if (const std::uint64_t count = counts_->bins.at(static_cast<int>(i)); count > 0)
            parts.bins.emplace_back(i, count);
    }
    parts.shortest = counts_->shortest;
    parts.longest = counts_->longest;
    return parts;
}

void LatencyHistogram::merge(const Parts& parts) {
    for (const auto& [bin, count] : parts.bins) {
        if (bin >= bench::bins)
            throw std::out_of_range("a histogram has no bin " + std::to_string(bin));
        counts_->bins.at(static_cast<int>(bin)) += count;
        counts_->total += count;
    }
    counts_->shortest = std::min(counts_->shortest, parts.shortest);
    counts_->longest = std::max(counts_->longest, parts.longest);
}

}  // namespace socketserver::bench
