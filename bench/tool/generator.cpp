#include "generator.hpp"

#include "crew.hpp"

#include <nlohmann/json.hpp>

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

namespace socketserver::bench {

namespace {

using nlohmann::json;

LoadSpec parse_spec(const std::string& text) {
    const json parsed = json::parse(text);
    LoadSpec spec{};
    spec.port = parsed.at("port");
    spec.shape = parse_shape(parsed.at("shape")).value();
    spec.connections = parsed.at("connections");
    spec.depth = parsed.at("depth");
    spec.processors = parsed.at("processors").get<std::vector<int>>();
    spec.spin = parsed.at("spin");
    spec.patience = std::chrono::nanoseconds(parsed.at("patience_ns").get<std::int64_t>());
    return spec;
}

json to_json(const LoadResult& result) {
    const auto parts = result.latencies.parts();
    return {{"requests", result.requests},           {"errors", result.errors},
            {"elapsed_ns", result.elapsed.count()},  {"busy", result.busy},
            {"first_error", result.first_error},     {"bins", parts.bins},
            {"shortest_ns", parts.shortest.count()}, {"longest_ns", parts.longest.count()}};
}

/// The clients of all threads.
class Crews {
public:
    Crews(const LoadSpec& spec, const BenchDialogue& dialogue) : spec_(spec) {
        const std::size_t threads = std::clamp<std::size_t>(spec.processors.size(), 1, spec.connections);
        crews_.reserve(threads);
        sizes_.reserve(threads);
        std::size_t first = 0;
        for (std::size_t i = 0; i < threads; ++i) {
            const std::size_t end = spec.connections * (i + 1) / threads;
            crews_.push_back(std::make_unique<Crew>(spec, dialogue, static_cast<std::uint32_t>(first), end - first));
            sizes_.push_back(end - first);
            first = end;
        }
    }

    void connect() {
        each([](Crew& crew, std::size_t) { crew.connect(); });
    }

    LoadResult run(std::chrono::nanoseconds time, std::optional<double> rate) {
        std::vector<LoadResult> results(crews_.size());
        each([&](Crew& crew, std::size_t i) {
            const double share = static_cast<double>(sizes_[i]) / static_cast<double>(spec_.connections);
            results[i] = crew.run(time, rate ? std::optional(*rate * share) : std::nullopt);
        });
        LoadResult all;
        for (const LoadResult& one : results) {
            all.requests += one.requests;
            all.errors += one.errors;
            all.elapsed = std::max(all.elapsed, one.elapsed);
            all.busy = std::max(all.busy, one.busy);
            all.latencies.merge(one.latencies);
            if (all.first_error.empty())
                all.first_error = one.first_error;
        }
        return all;
    }

private:
    /// Calls a function for each crew, in a thread on its processor.
    template <class Function>
    void each(Function function) {
        std::vector<std::exception_ptr> failures(crews_.size());
        std::vector<std::thread> threads;
        const auto work = [&](std::size_t i) {
            try {
                if (i < spec_.processors.size()) {
                    cpu_set_t processors;
                    CPU_ZERO(&processors);
                    CPU_SET(static_cast<std::size_t>(spec_.processors[i]), &processors);
                    ::sched_setaffinity(0, sizeof processors, &processors);
                }
                function(*crews_[i], i);
            } catch (...) {
                failures[i] = std::current_exception();
            }
        };
        threads.reserve(crews_.size());
        for (std::size_t i = 1; i < crews_.size(); ++i)
            threads.emplace_back(work, i);
        work(0);
        for (std::thread& thread : threads)
            thread.join();
        for (const std::exception_ptr& failure : failures) {
            if (failure)
                std::rethrow_exception(failure);
        }
    }

    const LoadSpec& spec_;
    std::vector<std::unique_ptr<Crew>> crews_;
    std::vector<std::size_t> sizes_;
};

std::string answer(Crews& crews, const std::string& line) {
    std::istringstream words(line);
    std::string command;
    double rate = 0;
    double seconds = 0;
    words >> command;
    if (command == "connect") {
        crews.connect();
        return "ready";
    }
    if (command == "open")
        words >> rate;
    words >> seconds;
    const auto time = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
    return to_json(crews.run(time, command == "open" ? std::optional(rate) : std::nullopt)).dump();
}

[[noreturn]] void throw_failure(const std::string& line) {
    const json parsed = json::parse(line, nullptr, false);
    if (parsed.is_object() && parsed.contains("wrong_reply"))
        throw WrongReply(parsed["wrong_reply"].get<std::string>());
    if (parsed.is_object() && parsed.contains("failure"))
        throw std::runtime_error(parsed["failure"].get<std::string>());
    throw std::runtime_error("the clients said '" + line + "'");
}

}  // namespace

int run_generator(const BenchDialogue& dialogue, const std::string& spec) {
    const auto tell = [](const std::string& line) { std::cout << line << '\n' << std::flush; };
    const LoadSpec parsed = parse_spec(spec);
    Crews crews(parsed, dialogue);
    tell("started");
    for (std::string line; std::getline(std::cin, line);) {
        try {
            tell(answer(crews, line));
        } catch (const WrongReply& wrong) {
            tell(json{{"wrong_reply", wrong.what()}}.dump(-1, ' ', true, json::error_handler_t::replace));
        } catch (const std::exception& failure) {
            tell(json{{"failure", failure.what()}}.dump(-1, ' ', true, json::error_handler_t::replace));
        }
    }
    return 0;
}

std::string to_text(const LoadSpec& spec) {
    return json{{"port", spec.port},
                {"shape", to_string(spec.shape)},
                {"connections", spec.connections},
                {"depth", spec.depth},
                {"processors", spec.processors},
                {"spin", spec.spin},
                {"patience_ns", spec.patience.count()}}
        .dump();
}

LoadResult parse_load_result(const std::string& line) {
    const json parsed = json::parse(line, nullptr, false);
    if (!parsed.is_object() || !parsed.contains("bins"))
        throw_failure(line);
    LoadResult result;
    result.requests = parsed.at("requests");
    result.errors = parsed.at("errors");
    result.elapsed = std::chrono::nanoseconds(parsed.at("elapsed_ns").get<std::int64_t>());
    result.busy = parsed.at("busy");
    result.first_error = parsed.at("first_error");
    LatencyHistogram::Parts parts;
    parts.bins = parsed.at("bins").get<decltype(parts.bins)>();
    parts.shortest = std::chrono::nanoseconds(parsed.at("shortest_ns").get<std::int64_t>());
    parts.longest = std::chrono::nanoseconds(parsed.at("longest_ns").get<std::int64_t>());
    result.latencies.merge(parts);
    return result;
}

void check_ready(const std::string& line) {
    if (line != "ready")
        throw_failure(line);
}

}  // namespace socketserver::bench
