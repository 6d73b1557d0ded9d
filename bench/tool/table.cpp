#include "results_file.hpp"
#include "summary.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace socketserver::bench {

namespace {

// Further apart than this repeated runs do not lie on a machine that is left alone.
constexpr double quiet = 0.05;

using Row = std::vector<std::string>;

std::string with_digits(double number, int digits) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", digits, number);
    return text;
}

/// Three digits that count.
std::string short_number(double number) {
    constexpr double many = 100;
    constexpr double some = 10;
    if (number >= many)
        return with_commas(number);
    return with_digits(number, number >= some ? 1 : 2);
}

std::string median(const Figure& figure) {
    return figure.runs.empty() ? "" : short_number(figure.median());
}

/// "±3%", where there is more than one run.
std::string noise(const Figure& figure) {
    if (figure.runs.size() < 2)
        return "";
    const double percent = figure.noise() * 100;
    return "±" + (percent < 0.95 ? with_digits(percent, 1) : with_digits(percent, 0)) + "%";
}

std::string loop(const Measurement& measurement) {
    if (measurement.cell.shape == Shape::idle)
        return "";
    if (!measurement.open)
        return "peak";
    return measurement.load ? with_digits(*measurement.load * 100, 0) + "%" : "fixed";
}

Row row(const Measurement& measurement) {
    Row cells{to_string(measurement.cell.shape),
              with_commas(static_cast<double>(measurement.cell.connections)),
              loop(measurement),
              measurement.cell.subject.name,
              median(measurement.rate) + (measurement.limited_by_generator() ? "*" : ""),
              noise(measurement.rate)};
    for (std::size_t i = 0; i + 1 < std::size(percentiles); ++i)
        cells.push_back(i < measurement.latency.size() ? median(measurement.latency[i]) : "");
    cells.push_back(median(measurement.cpu));
    cells.push_back(noise(measurement.cpu));
    cells.push_back(measurement.memory.runs.empty() ? "" : with_digits(measurement.memory.median() / 1024, 1));
    cells.push_back(with_commas(static_cast<double>(measurement.errors)));
    return cells;
}

/// Columns on a terminal: "±" is two bytes.
std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U; }));
}

std::string aligned(const std::vector<Row>& rows) {
    std::vector<std::size_t> widths;
    for (const Row& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string text;
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string padding(widths[i] - width(row[i]), ' ');
            const bool is_text = i == 0 || i == 3;
            text += (i == 0 ? "" : "  ") + (is_text ? row[i] + padding : padding + row[i]);
        }
        text += '\n';
    }
    return text;
}

/// How many requests had no reply, and why: each cause once, with the measurement that was the first to have it.
std::string errors_and_causes(const Results& results) {
    std::uint64_t errors = 0;
    std::set<std::string> causes;
    std::string text;
    for (const Measurement& each : results.measurements) {
        errors += each.errors;
        if (!each.first_error.empty() && causes.insert(each.first_error).second)
            text += (text.empty() ? "" : "; ") + describe(each.cell) + ": " + each.first_error;
    }
    if (errors == 0)
        return "";
    return with_commas(static_cast<double>(errors)) + " requests had no reply. " +
           (causes.size() == 1 ? "The first: " : "The first with each cause: ") + text + '.';
}

}  // namespace

std::string with_commas(double number) {
    std::string text = with_digits(std::round(number), 0);
    for (std::size_t at = text.size(); at > 3 && text[at - 4] != '-';) {
        at -= 3;
        text.insert(at, ",");
    }
    return text;
}

std::string table(const Results& results) {
    std::vector<Row> rows{{"shape", "clients", "load", "mode", "requests/s", "", "p50 us", "p90 us", "p99 us",
                           "p99.9 us", "CPU us", "", "KiB/conn", "errors"}};
    const Measurement* former = nullptr;
    for (const Measurement& measurement : results.measurements) {
        if (former &&
            (former->cell.shape != measurement.cell.shape || former->cell.connections != measurement.cell.connections ||
             former->open != measurement.open || former->load != measurement.load))
            rows.emplace_back();
        rows.push_back(row(measurement));
        former = &measurement;
    }
    std::string text = aligned(rows);
    for (const LeftOut& each : results.left_out) {
        text += "left out: " + each.mode;
        if (each.shape)
            text += ", " + to_string(*each.shape);
        if (each.connections)
            text += ", " + with_commas(static_cast<double>(*each.connections)) + " connections";
        text += ": " + each.reason + '\n';
    }
    return text;
}

std::vector<std::string> warnings(const Results& results, const Settings& settings) {
    std::vector<std::string> all;
    if (!results.complete)
        all.emplace_back("Interrupted: what was not measured by then is missing.");
    if (!optimised())
        all.emplace_back("Compiled without optimisation: the figures are not the library's.");
    if (settings.share_processors())
        all.emplace_back("Servers and clients share a processor: rates and latencies are those of both together.");
    const auto limited = std::count_if(results.measurements.begin(), results.measurements.end(),
                                       [](const Measurement& each) { return each.limited_by_generator(); });
    if (limited > 0)
        all.push_back("The clients worked more than 95 % of the time in " + std::to_string(limited) + " of " +
                      std::to_string(results.measurements.size()) +
                      " measurements (marked *): there the rate is theirs, and the server could do more.");
    const auto noisy =
        std::count_if(results.measurements.begin(), results.measurements.end(), [](const Measurement& each) {
            return !each.rate.runs.empty() && std::max(each.rate.noise(), each.cpu.noise()) > quiet;
        });
    if (noisy > 0)
        all.push_back(
            "In " + std::to_string(noisy) + " of " + std::to_string(results.measurements.size()) +
            " measurements the repeated runs lie further apart than ±5 %, in rate or processor time: something "
            "else was going on, on this machine or on the one that it is a part of.");
    if (std::string errors = errors_and_causes(results); !errors.empty())
        all.push_back(std::move(errors));
    return all;
}

}  // namespace socketserver::bench
