#include "diff.hpp"

#include <socketserver/detail/program_options.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <ostream>
#include <stdexcept>
#include <utility>
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

/// Of a measurement, or of what was left out with one number of connections.
std::string cell_name(const json& cell) {
    return cell.at("mode").get<std::string>() + ' ' + cell.at("shape").get<std::string>() + ' ' +
           std::to_string(cell.at("connections").get<std::size_t>());
}

bool same_cell(const json& a, const json& b) {
    const auto equal = [&](const char* name) { return a.at(name) == b.at(name); };
    return equal("mode") && equal("shape") && equal("connections");
}

std::string name(const json& measurement) {
    std::string text = cell_name(measurement);
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

    /// All that both files have measured, and what B left out.
    void compare_all(const json& before, const json& after) {
        const auto& candidates = after.at("measurements");
        alone_ = candidates.size();
        for (const json& a : before.at("measurements")) {
            const auto b =
                std::find_if(candidates.begin(), candidates.end(), [&](const json& one) { return same(a, one); });
            if (b == candidates.end()) {
                ++alone_;
                continue;
            }
            --alone_;
            compare(a, *b);
        }
        compare_left_out(before, after);
    }

    [[nodiscard]] std::size_t compared() const { return compared_; }
    /// Figures.
    [[nodiscard]] std::size_t worse() const { return worse_; }
    /// Servers that failed or lost requests in B only.
    [[nodiscard]] std::size_t failures() const { return failures_; }
    /// Measurements that are in one file only.
    [[nodiscard]] std::size_t alone() const { return alone_; }
    /// Rates that say nothing of the servers.
    [[nodiscard]] std::size_t of_clients() const { return of_clients_; }

private:
    void compare(const json& a, const json& b) {
        if (a.at("loop") == "closed") {
            if (rates_are_the_servers(a, b))
                compare(a, b, "rate", "requests/s", true);
            else
                ++of_clients_;
        }
        if (a.at("loop") == "open" && a.at("latency").is_object() && b.at("latency").is_object())
            compare_figures(a.at("latency").at("p99_us"), b.at("latency").at("p99_us"), name(a), "p99 us", false);
        compare(a, b, "cpu_us_per_request", "CPU us", false);
        compare(a, b, "memory_bytes_per_connection", "bytes/conn", false);
        compare_errors(a, b);
    }

    /// Whether the rates of closed loops can be compared. Where the clients of A were at their limit, its server could do no
    /// less, so that a lower rate of a server that B found the limit of is a fall, but a higher one need not be a rise.
    static bool rates_are_the_servers(const json& a, const json& b) {
        if (b.at("limited_by_generator").get<bool>())
            return false;
        if (!a.at("limited_by_generator").get<bool>())
            return true;
        const auto rate = [](const json& one) { return one.at("rate").at("median").get<double>(); };
        return a.at("rate").is_object() && b.at("rate").is_object() && rate(b) < rate(a);
    }

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
        if (!(pair.before > 0) || !(pair.after > 0)) {
            print(what, title, pair.before, pair.after, "not compared: there is no ratio to 0 or less");
            return;
        }
        ++compared_;
        const double change = (more_is_better ? pair.before / pair.after : pair.ratio()) - 1;
        const char* verdict = "";
        if (change > threshold_ && pair.apart()) {
            verdict = "  WORSE";
            ++worse_;
        } else if (!pair.apart()) {
            verdict = "  within the noise";
        }
        char comparison[128];
        std::snprintf(comparison, sizeof comparison, "%6.3f ±%.0f%%%s", pair.ratio(), pair.noise() * 100, verdict);
        print(what, title, pair.before, pair.after, comparison);
    }

    /// How many requests are lost under a load that is too much says little: whether there are any does.
    void compare_errors(const json& a, const json& b) {
        const auto before = a.at("errors").get<std::uint64_t>();
        const auto after = b.at("errors").get<std::uint64_t>();
        if (before > 0 || after == 0)
            return;
        ++failures_;
        print(name(a), "errors", 0, static_cast<double>(after), "WORSE: requests had no reply, and all had one in A");
    }

    /// What A has measured, and B left out with this very number of connections: its server failed there. What is left out
    /// with all numbers is what the mode is not for.
    void compare_left_out(const json& before, const json& after) {
        const auto contains = [](const json& all, const json& cell) {
            return std::any_of(all.begin(), all.end(), [&](const json& one) { return same_cell(one, cell); });
        };
        for (const json& each : after.at("left_out")) {
            if (each.at("shape").is_null() || each.at("connections").is_null() ||
                !contains(before.at("measurements"), each) || contains(before.at("left_out"), each))
                continue;
            ++failures_;
            out_ << cell_name(each) << "  WORSE: left out in B: " << each.at("reason").get<std::string>() << '\n';
        }
    }

    void print(const std::string& what, const char* title, double before, double after, const char* comparison) {
        char line[256];
        std::snprintf(line, sizeof line, "%-36s %-11s %12.6g %12.6g  %s\n", what.c_str(), title, before, after,
                      comparison);
        out_ << line;
    }

    std::ostream& out_;
    const double threshold_;
    std::size_t compared_ = 0;
    std::size_t worse_ = 0;
    std::size_t failures_ = 0;
    std::size_t alone_ = 0;
    std::size_t of_clients_ = 0;
};

/// Says what else than the servers may have changed the figures.
void print_circumstances(std::ostream& out, const json& a, const json& b) {
    for (const auto& [file, results] : {std::pair("A", &a), std::pair("B", &b)}) {
        if (!results->at("complete").get<bool>())
            out << "Note: " << file << " was interrupted: what was not measured by then is missing.\n";
    }
    for (const char* const path : {"/handler", "/machine/processor", "/machine/processors", "/build/compiler",
                                   "/build/optimised", "/settings/request_bytes", "/settings/seconds",
                                   "/settings/server_processors", "/settings/client_processors"}) {
        const json::json_pointer member(path);
        if (a.at(member) != b.at(member))
            out << "Note: not the same in both files: " << path + 1 << ": " << a.at(member) << " in A, " << b.at(member)
                << " in B.\n";
    }
}

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
    comparison.compare_all(before, after);
    print_circumstances(out, before, after);
    if (comparison.compared() == 0 && comparison.failures() == 0)
        throw std::runtime_error("the two files have no figure in common that can be compared");
    out << comparison.compared() << " figures compared, " << comparison.worse() << " worse by more than "
        << threshold * 100 << " % and the noise";
    if (comparison.failures() > 0)
        out << "; " << comparison.failures() << " failed or lost requests in B only";
    if (comparison.of_clients() > 0)
        out << "; " << comparison.of_clients() << " rates not compared, which were the clients'";
    if (comparison.alone() > 0)
        out << "; " << comparison.alone() << " measurements are in one file only";
    out << '\n';
    return comparison.worse() + comparison.failures() > 0 ? 1 : 0;
}

}  // namespace socketserver::bench
