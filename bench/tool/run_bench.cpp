#include "command_line.hpp"
#include "dialogue.hpp"
#include "diff.hpp"
#include "generator.hpp"
#include "measure.hpp"
#include "plan.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "results_file.hpp"
#include "server_under_test.hpp"
#include "summary.hpp"

#include <socketserver/bench_main.hpp>
#include <socketserver/detail/begin_program.hpp>
#include <socketserver/detail/program_options.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/os/printable.hpp>
#include <socketserver/os/signals.hpp>
#include <socketserver/os/standard_streams.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <streambuf>
#include <utility>

namespace socketserver::bench {

namespace {

using detail::BenchHandler;
using detail::UsageError;

constexpr int exit_usage = 2;
constexpr int exit_interrupted = 130;

/// Takes what std::cout says until that is a line, which tells whoever measures where the server listens. Nobody reads on, and
/// who prints into a full pipe waits for ever: from there on standard output is /dev/null.
///
/// Thread: the one that makes it; others may print once the line is told.
class FirstLine : public std::stringbuf {
public:
    FirstLine() : std::stringbuf(std::ios_base::out), null_(::open("/dev/null", O_WRONLY | O_CLOEXEC)) {
        if (!null_)
            throw_errno(errno, "open", "/dev/null");
        before_ = std::cout.rdbuf(this);
    }
    ~FirstLine() override { std::cout.rdbuf(before_); }
    FirstLine(const FirstLine&) = delete;
    FirstLine& operator=(const FirstLine&) = delete;

private:
    int sync() override {
        const std::string line = str();
        if (!line.ends_with('\n'))
            return 0;
        std::cout.rdbuf(before_);
        // Short enough for one write(2) to a pipe; whoever does not get it gives the server up.
        static_cast<void>(!::write(STDOUT_FILENO, line.data(), line.size()));
        return ::dup2(null_.get(), STDOUT_FILENO) < 0 ? -1 : 0;
    }

    const UniqueFd null_;
    std::streambuf* before_ = nullptr;
};

int serve(const std::vector<BenchHandler>& handlers, const std::string& program, std::vector<std::string> arguments) {
    std::string name = program;
    std::vector<char*> words{name.data()};
    words.reserve(arguments.size() + 1);
    for (std::size_t i = 1; i < arguments.size(); ++i)
        words.push_back(arguments[i].data());
    words.push_back(nullptr);
    const FirstLine where;
    return run_program(handlers.at(std::stoul(arguments.at(0))).protocol, static_cast<int>(words.size()) - 1,
                       words.data());
}

/// Sees to it that both sides may open so many connections.
void allow_descriptors(std::size_t connections) {
    constexpr rlim_t others = 64;
    const rlim_t needed = connections + others;
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_max < needed)
        throw std::runtime_error(std::to_string(connections) + " connections need " + std::to_string(needed) +
                                 " descriptors, and the limit is " + std::to_string(files.rlim_max) +
                                 ": raise it (ulimit -Hn) or ask for fewer --connections");
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

/// Asks each outside server once: a slip in a command is to be found before all else is measured.
void try_outside(const Settings& settings, const SignalFd& signals) {
    Settings brief = settings;
    brief.run = std::chrono::milliseconds{1};
    for (const Subject& subject : settings.subjects) {
        if (!subject.outside())
            continue;
        Cell cell;
        cell.subject = subject;
        try {
            static_cast<void>(run_once(cell, std::nullopt, brief, signals));
        } catch (const std::runtime_error& failure) {
            throw std::runtime_error(subject.name + ": " + failure.what());
        }
    }
}

void write_report(const std::string& folder, const std::string& results) {
    const std::filesystem::path path = folder;
    const std::string page = render_report(results);
    write_file(path / "results.json", results);
    write_file(path / "report.html", page);
}

int measure(const std::vector<BenchHandler>& handlers, const Settings& settings, const std::string& program,
            const std::vector<std::string>& arguments) {
    const BenchHandler& handler = handlers.at(settings.handler);
    std::signal(SIGPIPE, SIG_IGN);
    const SignalFd signals{SIGINT, SIGTERM};
    allow_descriptors(settings.connections.back());
    if (!settings.output.empty())
        prepare_folder(settings.output);
    const Plan plan = make_plan(settings, handler.protocol.datagrams != nullptr);
    if (plan.cells.empty())
        throw UsageError("nothing is left to measure: " + plan.left_out.front().mode + " " +
                         plan.left_out.front().reason);
    Results results;
    {
        try_outside(settings, signals);
        Progress progress(plan);
        results = run_all(plan, settings, signals, [&](const Measurement& next) { progress.next(next); });
    }
    if (results.measurements.empty() && !results.complete)
        return exit_interrupted;
    if (results.measurements.empty())
        throw std::runtime_error("nothing could be measured: " + results.left_out.back().mode + ": " +
                                 results.left_out.back().reason);
    Circumstances circumstances;
    circumstances.handler = handler.name.empty() ? program : handler.name;
    circumstances.command = {program};
    circumstances.command.insert(circumstances.command.end(), arguments.begin(), arguments.end());
    circumstances.request_bytes = complete(handler.dialogue).request(0).size();
    circumstances.advice = advice(results);
    circumstances.warnings = warnings(results, settings);
    std::cout << table(results);
    for (const std::string& sentence : circumstances.advice)
        std::cout << sentence << '\n';
    for (const std::string& sentence : circumstances.warnings)
        std::cout << "Note: " << sentence << '\n';
    if (!settings.output.empty())
        write_report(settings.output, to_json(results, settings, circumstances));
    // Last, so that what was measured is not lost with it.
    flush_standard_output();
    return results.complete ? EXIT_SUCCESS : exit_interrupted;
}

int run(const std::vector<BenchHandler>& handlers, const std::string& program,
        const std::vector<std::string>& arguments) {
    const std::string first = arguments.empty() ? "" : arguments.front();
    if (first == as_server)
        return serve(handlers, program, {arguments.begin() + 1, arguments.end()});
    if (first == as_clients)
        return run_generator(complete(handlers.at(std::stoul(arguments.at(1))).dialogue), arguments.at(2));
    if (first == "diff") {
        const int status = run_diff(std::span(arguments).subspan(1), std::cout);
        flush_standard_output();
        return status;
    }
    Settings settings = parse_command_line(handlers, arguments);
    settings.datagrams_take_arguments = handlers.at(settings.handler).protocol.datagrams_take_options;
    if (!settings.help && !settings.version)
        return measure(handlers, settings, program, arguments);
    answer(handlers, program, settings);
    return EXIT_SUCCESS;
}

}  // namespace

}  // namespace socketserver::bench

namespace socketserver::detail {

int run_bench(const std::vector<BenchHandler>& handlers, int argc, char* argv[]) {
    const std::string program = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "benchmark";
    begin_program();
    try {
        return bench::run(handlers, program, std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
    } catch (const UsageError& failure) {
        std::cerr << program << ": " << printable(failure.what()) << "; " << program << " --help lists the options\n";
        return bench::exit_usage;
    } catch (const bench::Interrupted&) {
        return bench::exit_interrupted;
    } catch (const std::exception& failure) {
        std::cerr << program << ": " << printable(failure.what()) << '\n';
        return EXIT_FAILURE;
    }
}

}  // namespace socketserver::detail
