#include "summary.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <limits>
#include <utility>

namespace socketserver::bench {

namespace {

// Figures that differ by less say nothing.
constexpr double as_good = 0.95;

using Candidates = std::vector<const Measurement*>;

std::string count(std::size_t connections) {
    return with_commas(static_cast<double>(connections)) + (connections == 1 ? " client" : " clients");
}

using Modes = std::vector<std::string>;

/// The modes that serve so many clients best: whose rate is the highest or as good, and among those who need the least
/// processor time or as little.
Modes best(const Candidates& candidates) {
    double highest = 0;
    for (const Measurement* each : candidates)
        highest = std::max(highest, each->rate.median());
    Candidates fast;
    double least = std::numeric_limits<double>::infinity();
    for (const Measurement* each : candidates) {
        // Where the clients were at their limit, their rate says nothing of the server.
        if (each->rate.median() < highest * as_good && !each->limited_by_generator())
            continue;
        fast.push_back(each);
        least = std::min(least, each->cpu.median());
    }
    Modes modes;
    for (const Measurement* each : fast) {
        if (each->cpu.median() * as_good <= least)
            modes.push_back(each->cell.subject.name);
    }
    return modes;
}

/// Numbers of clients for which the same modes are best.
struct Range {
    std::size_t first;
    std::size_t last;
    Modes modes;
};

/// Adds the best modes for a further number: to the range before if a mode is as good there, since whoever chooses one has
/// to choose it for all numbers.
void extend(std::vector<Range>& ranges, std::size_t number, const Modes& modes) {
    Modes common;
    if (!ranges.empty())
        std::copy_if(modes.begin(), modes.end(), std::back_inserter(common), [&](const std::string& mode) {
            const Modes& before = ranges.back().modes;
            return std::find(before.begin(), before.end(), mode) != before.end();
        });
    if (common.empty()) {
        ranges.push_back({number, number, modes});
        return;
    }
    ranges.back().last = number;
    ranges.back().modes = common;
}

/// "blocking, preforking or selecting"
std::string alternatives(const Modes& modes) {
    std::string text;
    for (std::size_t i = 0; i < modes.size(); ++i)
        text += (i == 0 ? "" : i + 1 == modes.size() ? " or " : ", ") + modes[i];
    return text;
}

/// "threading up to 100 clients, selecting above"
std::string to_text(const std::vector<Range>& ranges) {
    std::string text;
    for (const Range& range : ranges) {
        text += (text.empty() ? "" : ", ") + alternatives(range.modes);
        if (&range != &ranges.back())
            text += " up to " + count(range.last);
        else if (ranges.size() > 1)
            text += " above";
        else if (range.first != range.last)
            text += ", from " + with_commas(static_cast<double>(range.first)) + " to " + count(range.last);
        else
            text += ", for " + count(range.last);
    }
    return text;
}

std::string choice(const Results& results, Shape shape, const std::string& where) {
    std::vector<std::size_t> numbers;
    for (const Measurement& each : results.measurements) {
        // Those that serve one at a time are no choice for several.
        if (each.cell.shape == shape && (numbers.empty() || numbers.back() != each.cell.connections))
            numbers.push_back(each.cell.connections);
    }
    std::vector<Range> ranges;
    std::size_t compared = 0;
    for (const std::size_t number : numbers) {
        Candidates candidates;
        for (const Measurement& each : results.measurements) {
            if (each.cell.shape == shape && each.cell.connections == number && !each.open &&
                !each.cell.subject.outside() && !each.rate.runs.empty())
                candidates.push_back(&each);
        }
        const bool alone = candidates.size() == 1 && candidates.front()->cell.subject.name == "blocking";
        if (candidates.empty() || alone)
            continue;
        compared = std::max(compared, candidates.size());
        extend(ranges, number, best(candidates));
    }
    return compared < 2 ? "" : "For this handler, " + where + ": " + to_text(ranges) + '.';
}

std::string kibibytes(const Measurement& measurement) {
    char text[64];
    std::snprintf(text, sizeof text, "%.1f KiB", measurement.memory.median() / 1024);
    return text;
}

std::string memory(const Results& results) {
    Candidates waiting;
    for (const Measurement& each : results.measurements) {
        if (each.cell.shape == Shape::idle && !each.memory.runs.empty() && !each.cell.subject.outside())
            waiting.push_back(&each);
    }
    if (waiting.size() < 2)
        return "";
    const auto less = [](const Measurement* a, const Measurement* b) {
        return a->memory.median() < b->memory.median();
    };
    const auto [least, most] = std::minmax_element(waiting.begin(), waiting.end(), less);
    return "A connection that waits takes the least memory under " + (*least)->cell.subject.name + ", " +
           kibibytes(**least) + ", and the most under " + (*most)->cell.subject.name + ", " + kibibytes(**most) + '.';
}

}  // namespace

std::vector<std::string> advice(const Results& results) {
    std::vector<std::string> sentences;
    for (std::string& sentence : std::vector<std::string>{
             choice(results, Shape::keepalive, "on connections that stay"),
             choice(results, Shape::connect, "with a connection for each request"),
             choice(results, Shape::pipelined, "with requests sent together"),
             choice(results, Shape::udp, "by datagrams"),
             memory(results),
         }) {
        if (!sentence.empty())
            sentences.push_back(std::move(sentence));
    }
    return sentences;
}

}  // namespace socketserver::bench
