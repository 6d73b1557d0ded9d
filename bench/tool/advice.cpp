#include "summary.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace socketserver::bench {

namespace {

// Rates that differ by less say nothing; then processor time decides.
constexpr double as_good = 0.95;

using Candidates = std::vector<const Measurement*>;

std::string count(std::size_t connections) {
    return with_commas(static_cast<double>(connections)) + (connections == 1 ? " client" : " clients");
}

/// The mode that serves so many clients best: whose rate is the highest or as good, and among those who needs the least
/// processor time.
const Measurement* best(const Candidates& candidates) {
    double highest = 0;
    for (const Measurement* each : candidates)
        highest = std::max(highest, each->rate.median());
    const Measurement* found = nullptr;
    for (const Measurement* each : candidates) {
        // Where the clients were at their limit, their rate says nothing of the server.
        const bool good = each->rate.median() >= highest * as_good || each->limited_by_generator();
        if (good && (!found || each->cpu.median() < found->cpu.median()))
            found = each;
    }
    return found;
}

/// "threading up to 100 clients, selecting above"
std::string ranges(const std::vector<std::pair<std::size_t, std::string>>& choices) {
    std::string text;
    for (std::size_t i = 0; i < choices.size(); ++i) {
        const bool last = i + 1 == choices.size();
        if (!last && choices[i + 1].second == choices[i].second)
            continue;
        const bool first = text.empty();
        text += (first ? "" : ", ") + choices[i].second;
        if (!last)
            text += " up to " + count(choices[i].first);
        else if (!first)
            text += " above";
        else if (choices.size() > 1)
            text +=
                ", from " + with_commas(static_cast<double>(choices.front().first)) + " to " + count(choices[i].first);
        else
            text += ", for " + count(choices[i].first);
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
    std::vector<std::pair<std::size_t, std::string>> choices;
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
        choices.emplace_back(number, best(candidates)->cell.subject.name);
    }
    return compared < 2 ? "" : "For this handler, " + where + ": " + ranges(choices) + '.';
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
