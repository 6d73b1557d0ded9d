#include "diff.hpp"

#include <socketserver/detail/program_options.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <ostream>
#include <stdexcept>
#include <vector>

namespace socketserver::bench {

namespace {

using detail::UsageError;
using nlohmann::json;

constexpr int version = 1;
constexpr std::size_t most_percent = 1'000;

json load(const std::string& path) {
    std::ifstream file(path);
    if (!file)
        throw std::runtime_error(path + " cannot be read");
    json parsed = json::parse(file, nullptr, false);
    if (!parsed.is_object() || parsed.value("format", "") != "socketserver-bench" || !parsed.contains("measurements"))
        throw std::runtime_error(path + " holds no results of socketserver-bench");
    if (parsed.value("version", 0) != version)
        throw std::runtime_error(path + " is of another version of the format than " + std::to_string(version));
    return parsed;
}

bool same(const json& a, const json& b) {
    const auto equal = [&](const char* name) { return a.at(name) == b.at(name); };
    return equal("mode") && equal("shape") && equal("connections") && equal("depth") && equal("loop") &&
           equal("load") && (!a.at("load").is_null() || equal("target_rate"));
}

std::string name(const json& measurement) {
    std::string text = measurement.at("mode").get<std::string>() + ' ' + measurement.at("shape").get<std::string>() +
                       ' ' + std::to_string(measurement.at("connections").get<std::size_t>());
    if (measurement.at("loop") == "open") {
        const json& share = measurement.at("load");
        text += share.is_null() ? " fixed rate" : " at " + std::to_string(std::lround(share.get<double>() * 100)) + "%";
    }
    return text;
}

/// A figure in both files.
struct Pair {
    double before, after;
    double before_least, before_greatest;
    double after_least, after_greatest;

    [[nodiscard]] double ratio() const { return after / before; }
    /// How far the ratio is known: the ranges of both together, as a part of it.
    [[nodiscard]] double noise() const {
        return (before_greatest - before_least) / 2 / before + (after_greatest - after_least) / 2 / after;
    }
    [[nodiscard]] bool apart() const { return before_greatest < after_least || after_greatest < before_least; }
};

class Comparison {
public:
    Comparison(std::ostream& out, double threshold) : out_(out), threshold_(threshold) {}

    void compare(const json& a, const json& b) {
        const bool limited = a.at("limited_by_generator").get<bool>() && b.at("limited_by_generator").get<bool>();
        const bool closed = a.at("loop") == "closed";
        if (closed && !limited)
            compare(a, b, "rate", "requests/s", true);
        if (a.at("loop") == "open" && a.at("latency").is_object() && b.at("latency").is_object())
            compare_figures(a.at("latency").at("p99_us"), b.at("latency").at("p99_us"), name(a), "p99 us", false);
        compare(a, b, "cpu_us_per_request", "CPU us", false);
        compare(a, b, "memory_bytes_per_connection", "bytes/conn", false);
    }

    [[nodiscard]] std::size_t compared() const { return compared_; }
    [[nodiscard]] std::size_t worse() const { return worse_; }

private:
    void compare(const json& a, const json& b, const char* member, const char* title, bool more_is_better) {
        compare_figures(a.at(member), b.at(member), name(a), title, more_is_better);
    }

    void compare_figures(const json& a, const json& b, const std::string& what, const char* title,
                         bool more_is_better) {
        if (!a.is_object() || !b.is_object())
            return;
        const auto number = [](const json& figure, const char* part) { return figure.at(part).get<double>(); };
        const Pair pair{number(a, "median"),   number(b, "median"), number(a, "least"),
                        number(a, "greatest"), number(b, "least"),  number(b, "greatest")};
        if (!(pair.before > 0) || !(pair.after > 0))
            return;
        ++compared_;
        const double change = (more_is_better ? pair.before / pair.after : pair.ratio()) - 1;
        const char* verdict = "";
        if (change > threshold_ && pair.apart()) {
            verdict = "  WORSE";
            ++worse_;
        } else if (!pair.apart()) {
            verdict = "  within the noise";
        }
        char line[256];
        std::snprintf(line, sizeof line, "%-36s %-11s %12.6g %12.6g  %6.3f ±%.0f%%%s\n", what.c_str(), title,
                      pair.before, pair.after, pair.ratio(), pair.noise() * 100, verdict);
        out_ << line;
    }

    std::ostream& out_;
    const double threshold_;
    std::size_t compared_ = 0;
    std::size_t worse_ = 0;
};

}  // namespace

int run_diff(std::span<const std::string> arguments, std::ostream& out) {
    double threshold = 0.1;
    std::vector<std::string> files;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        const std::string option = "--threshold";
        if (argument == option && i + 1 == arguments.size())
            throw UsageError("diff: --threshold needs a number of percent");
        if (argument == option || argument.starts_with(option + '=')) {
            const std::string value = argument == option ? arguments[++i] : argument.substr(option.size() + 1);
            threshold = static_cast<double>(detail::parse_count(value, 0, most_percent)) / 100;
        } else if (argument.starts_with("--")) {
            throw UsageError("diff: unrecognised option '" + argument + "'");
        } else {
            files.push_back(argument);
        }
    }
    if (files.size() != 2)
        throw UsageError("diff takes two files: diff A.json B.json [--threshold PERCENT]");
    const json before = load(files[0]);
    const json after = load(files[1]);
    char title[256];
    std::snprintf(title, sizeof title, "%-36s %-11s %12s %12s  %s\n", "measurement", "", "A", "B", "B/A");
    out << title;
    Comparison comparison(out, threshold);
    std::size_t alone = after.at("measurements").size();
    for (const json& a : before.at("measurements")) {
        const auto& candidates = after.at("measurements");
        const auto b =
            std::find_if(candidates.begin(), candidates.end(), [&](const json& one) { return same(a, one); });
        if (b == candidates.end()) {
            ++alone;
            continue;
        }
        --alone;
        comparison.compare(a, *b);
    }
    if (comparison.compared() == 0)
        throw std::runtime_error("the two files have no measurement in common");
    out << comparison.compared() << " figures compared, " << comparison.worse() << " worse by more than "
        << threshold * 100 << " % and the noise";
    if (alone > 0)
        out << "; " << alone << " measurements are in one file only";
    out << '\n';
    return comparison.worse() > 0 ? 1 : 0;
}

}  // namespace socketserver::bench
