#include "measure.hpp"

#include "generator.hpp"
#include "server_under_test.hpp"

#include <algorithm>
#include <csignal>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace socketserver::bench {

namespace {

using std::chrono::seconds;

// Fewer connections than this do not show above what a process takes now and then.
constexpr std::size_t enough_to_weigh = 10;

LoadSpec make_spec(const Cell& cell, const Settings& settings, std::uint16_t port) {
    LoadSpec spec{};
    spec.port = port;
    spec.shape = cell.shape;
    spec.connections = cell.connections;
    spec.depth = cell.depth;
    spec.processors = settings.client_processors;
    spec.spin = !settings.share_processors();
    // A lost datagram is found out by waiting alone.
    spec.patience = cell.shape == Shape::udp ? std::min<std::chrono::nanoseconds>(settings.patience, seconds{1})
                                             : settings.patience;
    return spec;
}

std::string command_for(std::optional<double> rate, const Settings& settings) {
    std::ostringstream text;
    text.precision(12);
    if (rate)
        text << "open " << *rate << ' ';
    else
        text << "closed ";
    text << std::chrono::duration<double>(settings.run).count();
    return text.str();
}

/// How long clients may take to answer: they end by themselves before.
Deadline limit(const Settings& settings) {
    return Deadline::after(settings.run * 2 + settings.patience * 2 + seconds{60});
}

/// Takes the measurements of a plan one after the other.
class Runner {
public:
    Runner(const Plan& plan, const Settings& settings, const SignalFd& signals, const Announce& announce)
        : settings_(settings), signals_(signals), announce_(announce) {
        results_.left_out = plan.left_out;
        entries_.reserve(plan.cells.size());
        for (const Cell& cell : plan.cells) {
            Entry entry;
            entry.closed.cell = cell;
            if (cell.open_loop) {
                entry.open.resize(settings.rate ? 1 : std::size(loads));
                for (std::size_t i = 0; i < entry.open.size(); ++i) {
                    entry.open[i].cell = cell;
                    entry.open[i].open = true;
                    if (settings.rate)
                        entry.open[i].target_rate = settings.rate;
                    else
                        entry.open[i].load = loads[i];
                }
            }
            entries_.push_back(std::move(entry));
        }
    }

    Results run() {
        try {
            for (std::size_t i = 0; i < settings_.repetitions; ++i) {
                for (Entry& entry : entries_)
                    run(entry, entry.closed);
            }
            for (std::size_t i = 0; i < settings_.repetitions; ++i) {
                for (Entry& entry : entries_) {
                    for (Measurement& open : entry.open) {
                        if (open.load && !entry.failed)
                            open.target_rate = *open.load * entry.closed.rate.median();
                        run(entry, open);
                    }
                }
            }
        } catch (const Interrupted&) {
            results_.complete = false;
        }
        for (Entry& entry : entries_) {
            keep(entry.closed);
            for (Measurement& open : entry.open)
                keep(open);
        }
        // Modes that were asked the same stand side by side.
        std::stable_sort(results_.measurements.begin(), results_.measurements.end(),
                         [](const Measurement& a, const Measurement& b) {
                             const auto place = [](const Measurement& one) {
                                 return std::tuple(one.cell.shape, one.cell.connections, one.open, one.load);
                             };
                             return place(a) < place(b);
                         });
        return std::move(results_);
    }

private:
    struct Entry {
        Measurement closed;
        std::vector<Measurement> open;
        bool failed = false;
    };

    void run(Entry& entry, Measurement& measurement) {
        announce_(measurement);
        if (entry.failed)
            return;
        const Cell& cell = measurement.cell;
        try {
            add(measurement, run_once(cell, measurement.target_rate, settings_, signals_));
        } catch (const WrongReply& wrong) {
            throw std::runtime_error(describe(cell) + ": " + wrong.what());
        } catch (const std::runtime_error& failure) {
            entry.failed = true;
            results_.left_out.push_back({cell.subject.name, cell.shape, cell.connections, failure.what()});
        }
    }

    void keep(Measurement& measurement) {
        if (measurement.repetitions > 0)
            results_.measurements.push_back(std::move(measurement));
    }

    const Settings& settings_;
    const SignalFd& signals_;
    const Announce& announce_;
    std::vector<Entry> entries_;
    Results results_;
};

}  // namespace

RunResult run_once(const Cell& cell, std::optional<double> rate, const Settings& settings, const SignalFd& signals) {
    ServerUnderTest server(cell, settings, signals);
    const std::string spec = to_text(make_spec(cell, settings, server.port()));
    Child clients("the clients", {"/proc/self/exe", as_clients, std::to_string(settings.handler), spec},
                  settings.client_processors, signals);
    const bool idle = cell.shape == Shape::idle;
    const bool weigh = (idle || cell.shape == Shape::keepalive || cell.shape == Shape::pipelined) &&
                       cell.connections >= enough_to_weigh;
    const auto answer = [&](const std::string& command) {
        clients.write_line(command);
        return clients.read_line(limit(settings));
    };
    RunResult result;
    try {
        static_cast<void>(clients.read_line(limit(settings)));  // started
        // Memory that processes share counts in proportion: the clients are there both times.
        const double empty = weigh ? pss_bytes(server.process().pid()) : 0;
        check_ready(answer("connect"));
        if (!idle) {
            const double before = server.cpu_seconds();
            result.load = parse_load_result(answer(command_for(rate, settings)));
            result.cpu_seconds = server.cpu_seconds() - before;
        } else {
            result.load.requests = cell.connections;
        }
        if (weigh)
            result.memory = (pss_bytes(server.process().pid()) - empty) / static_cast<double>(cell.connections);
    } catch (const WrongReply&) {
        throw;
    } catch (const std::runtime_error&) {
        server.check_alive();
        throw;
    }
    if (result.load.errors > 0)
        server.check_alive();
    clients.end(0);
    const double of_children = server.process().end(SIGTERM);
    if (result.load.requests == 0)
        throw std::runtime_error("no request was answered: " + result.load.first_error);
    const auto requests = static_cast<double>(result.load.requests);
    result.cpu_seconds /= requests;
    if (server.children_come_and_go())
        result.cpu_seconds += of_children / (requests + static_cast<double>(cell.connections * cell.depth));
    return result;
}

Results run_all(const Plan& plan, const Settings& settings, const SignalFd& signals, const Announce& announce) {
    return Runner(plan, settings, signals, announce).run();
}

}  // namespace socketserver::bench
