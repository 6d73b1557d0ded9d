#include "plan.hpp"

#include <socketserver/detail/program_options.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace socketserver::bench {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// A process for each connection: more would be a test of the machine's memory.
constexpr std::size_t most_children = 2'000;
// What the servers' command line takes.
constexpr std::size_t most_threads = 10'000;

bool connections_stay(Shape shape) {
    return shape == Shape::keepalive || shape == Shape::pipelined || shape == Shape::idle;
}

/// Why a combination is not measured, or "".
std::string objection(const Subject& subject, Shape shape, std::size_t connections, bool datagrams) {
    if (subject.outside())
        return shape == Shape::udp ? "an outside server is asked by TCP" : "";
    if (shape == Shape::udp && !datagrams)
        return "the handler is for connections";
    if (subject.name == "blocking" && connections_stay(shape) && connections > 1)
        return shape == Shape::idle ? "holds one connection at a time"
                                    : "serves one connection at a time: measured with 1";
    if (subject.name == "forking" && connections_stay(shape) && connections > most_children)
        return "would need a process for each connection: measured up to " + std::to_string(most_children);
    if (subject.name == "thread-pool" && connections_stay(shape) && connections > most_threads)
        return "would need a thread for each connection: measured up to " + std::to_string(most_threads);
    return "";
}

class Planner {
public:
    Planner(const Settings& settings, bool datagrams) : settings_(settings), datagrams_(datagrams) {}

    Plan make() {
        for (const Shape shape : settings_.shapes) {
            // Waiting connections differ in number only: the largest tells.
            if (shape == Shape::idle) {
                add_all(shape, settings_.connections.back());
                continue;
            }
            const bool blocking_alone = connections_stay(shape);
            if (blocking_alone && settings_.connections.front() > 1)
                add_blocking(shape);
            for (const std::size_t connections : settings_.connections)
                add_all(shape, connections);
        }
        if (settings_.open_loop)
            add_open_loop();
        for (const Cell& cell : plan_.cells) {
            const std::size_t open = !cell.open_loop ? 0 : settings_.rate ? 1 : std::size(loads);
            const std::size_t runs = settings_.repetitions * (1 + open);
            plan_.runs += runs;
            const auto each = overhead(cell) + (cell.shape == Shape::idle ? settings_.run * 0 : settings_.run);
            plan_.expected += each * static_cast<long>(runs);
        }
        return std::move(plan_);
    }

private:
    void add(const Subject& subject, Shape shape, std::size_t connections) {
        plan_.cells.push_back({subject, shape, connections, shape == Shape::pipelined ? settings_.depth : 1, false});
    }

    /// Open loops take long: one shape is enough, of those that are measured the one that tells most.
    void add_open_loop() {
        for (const Shape shape : {Shape::keepalive, Shape::connect, Shape::udp, Shape::pipelined}) {
            bool found = false;
            for (Cell& cell : plan_.cells) {
                cell.open_loop = cell.shape == shape;
                found = found || cell.open_loop;
            }
            if (found)
                return;
        }
        if (settings_.rate && !plan_.cells.empty())
            throw detail::UsageError(std::string("--rate needs connections that send requests: add keepalive, "
                                                 "pipelined") +
                                     (datagrams_ ? ", connect or udp" : " or connect") + " to --shape");
    }

    void add_blocking(Shape shape) {
        for (const Subject& subject : settings_.subjects) {
            if (!subject.outside() && subject.name == "blocking")
                add(subject, shape, 1);
        }
    }

    void add_all(Shape shape, std::size_t connections) {
        for (const Subject& subject : settings_.subjects) {
            const std::string reason = objection(subject, shape, connections, datagrams_);
            if (reason.empty()) {
                add(subject, shape, connections);
                continue;
            }
            // What does not hang on the number is said once.
            const bool by_number = reason.find("up to") != std::string::npos;
            const auto same = [&](const LeftOut& other) {
                return other.mode == subject.name && other.shape == shape && other.reason == reason;
            };
            auto& left_out = plan_.left_out;
            if (by_number || std::none_of(left_out.begin(), left_out.end(), same))
                left_out.push_back(
                    {subject.name, shape, by_number ? std::optional(connections) : std::nullopt, reason});
        }
    }

    const Settings& settings_;
    const bool datagrams_;
    Plan plan_;
};

}  // namespace

std::string describe(const Cell& cell) {
    return cell.subject.name + ", " + to_string(cell.shape) + ", " + std::to_string(cell.connections) +
           (cell.connections == 1 ? " connection" : " connections");
}

Plan make_plan(const Settings& settings, bool datagrams) {
    return Planner(settings, datagrams).make();
}

std::chrono::nanoseconds overhead(const Cell& cell) {
    // As measured on a machine of 2020: a fork for each connection takes longer than all else.
    const bool forks = cell.subject.name == "forking" && connections_stay(cell.shape);
    const auto connections = static_cast<long>(cell.connections);
    return milliseconds(cell.subject.outside() ? 200 : 60) + microseconds(forks ? 700 : 80) * connections;
}

}  // namespace socketserver::bench
