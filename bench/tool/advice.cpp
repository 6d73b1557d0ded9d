#include "summary.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
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

/// Whether requests under a load had no reply, in a closed loop or an open one, or the server failed.
bool fails(const Results& results, const Cell& cell) {
    const auto lost = [&](const Measurement& each) {
        return each.errors > 0 && each.cell.subject.name == cell.subject.name && each.cell.shape == cell.shape &&
               each.cell.connections == cell.connections;
    };
    // What is left out with all numbers is what the mode is not for.
    const auto failed = [&](const LeftOut& each) {
        return each.mode == cell.subject.name && each.shape == cell.shape && each.connections == cell.connections;
    };
    return std::any_of(results.measurements.begin(), results.measurements.end(), lost) ||
           std::any_of(results.left_out.begin(), results.left_out.end(), failed);
}

/// Whether the figures differ by little, or by no more than their runs do.
bool about_equal(const Figure& a, const Figure& b) {
    const auto [less, more] = std::minmax({a.median(), b.median()});
    return less >= more * as_good || more - less <= a.noise() * a.median() + b.noise() * b.median();
}

/// The modes that serve so many clients best: whose rate is the highest or as good, and among those who need the least
/// processor time or as little. Requires: a candidate.
Modes best(const Candidates& candidates) {
    const Measurement* const fastest =
        *std::max_element(candidates.begin(), candidates.end(), [](const Measurement* a, const Measurement* b) {
            return a->rate.median() < b->rate.median();
        });
    Candidates fast;
    for (const Measurement* each : candidates) {
        // Where the clients were at their limit, their rate says nothing of the server.
        if (each->limited_by_generator() || about_equal(each->rate, fastest->rate))
            fast.push_back(each);
    }
    const Measurement* const thriftiest =
        *std::min_element(fast.begin(), fast.end(),
                          [](const Measurement* a, const Measurement* b) { return a->cpu.median() < b->cpu.median(); });
    Modes modes;
    for (const Measurement* each : fast) {
        if (about_equal(each->cpu, thriftiest->cpu))
            modes.push_back(each->cell.subject.name);
    }
    return modes;
}

/// Numbers of clients for which the same modes are best.
struct Range {
    std::size_t first;
    std::size_t last;
    Modes modes;  // empty: each has failed
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
    const bool none_again = !ranges.empty() && ranges.back().modes.empty() && modes.empty();
    if (common.empty() && !none_again) {
        ranges.push_back({number, number, modes});
        return;
    }
    ranges.back().last = number;
    ranges.back().modes = common;
}

/// "blocking, preforking or selecting"
std::string alternatives(const Modes& modes) {
    std::string text = modes.empty() ? "no mode without errors" : "";
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
        candidates.erase(std::remove_if(candidates.begin(), candidates.end(),
                                        [&](const Measurement* candidate) { return fails(results, candidate->cell); }),
                         candidates.end());
        extend(ranges, number, candidates.empty() ? Modes{} : best(candidates));
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
        if (each.cell.shape == Shape::idle && !each.memory.runs.empty() && !each.cell.subject.outside() &&
            !fails(results, each.cell))
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
