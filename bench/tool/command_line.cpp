#include "command_line.hpp"

#include <socketserver/detail/mode.hpp>
#include <socketserver/detail/read_options.hpp>
#include <socketserver/os/deadline.hpp>

#include <sched.h>

#include <algorithm>
#include <utility>

namespace socketserver::bench {

const std::vector<std::string> all_modes = [] {
    std::vector<std::string> names;
    names.reserve(detail::mode_entries.size());
    for (const detail::ModeEntry& mode : detail::mode_entries)
        names.emplace_back(mode.name);
    std::sort(names.begin(), names.end());
    return names;
}();

namespace {

using detail::parse_count;
using detail::parse_seconds;
using detail::ProgramOption;
using detail::ProgramOptions;
using detail::UsageError;

constexpr std::size_t most_connections = 100'000;
constexpr std::size_t most_repetitions = 1'000;
constexpr std::size_t most_processors = 1'024;

// The full matrix ends within ten minutes, the quick one within one: see plan.cpp.
constexpr std::chrono::milliseconds full_run{600};
constexpr std::chrono::milliseconds quick_run{200};
constexpr std::size_t full_repetitions = 5;
constexpr std::size_t quick_repetitions = 3;

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

/// The words between commas.
std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> words;
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto end = std::min(text.find(',', begin), text.size());
        words.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return words;
}

void add_once(std::vector<Subject>& subjects, Subject subject) {
    for (const Subject& other : subjects) {
        if (other.name == subject.name)
            throw UsageError("'" + subject.name + "' is given twice");
    }
    subjects.push_back(std::move(subject));
}

void parse_modes(const std::string& text, std::vector<Subject>& subjects) {
    for (const std::string& name : split(text)) {
        if (std::find(all_modes.begin(), all_modes.end(), name) == all_modes.end())
            throw UsageError("'" + name + "' is not one of " + join(all_modes));
        add_once(subjects, {name, ""});
    }
}

std::vector<Shape> parse_shapes(const std::string& text) {
    std::vector<std::string> names;
    for (const Shape shape : all_shapes)
        names.push_back(to_string(shape));
    std::vector<Shape> shapes;
    for (const std::string& name : split(text)) {
        const auto shape = parse_shape(name);
        if (!shape)
            throw UsageError("'" + name + "' is not one of " + join(names));
        if (std::find(shapes.begin(), shapes.end(), *shape) != shapes.end())
            throw UsageError("'" + name + "' is given twice");
        shapes.push_back(*shape);
    }
    return shapes;
}

std::vector<std::size_t> parse_counts(const std::string& text, std::size_t most) {
    std::vector<std::size_t> counts;
    for (const std::string& word : split(text))
        counts.push_back(parse_count(word, 1, most));
    std::sort(counts.begin(), counts.end());
    counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
    return counts;
}

std::vector<int> parse_processors(const std::string& text) {
    const std::vector<int> usable = usable_processors();
    std::vector<int> processors;
    for (const std::string& word : split(text)) {
        const auto number = static_cast<int>(parse_count(word, 0, most_processors));
        if (std::find(usable.begin(), usable.end(), number) == usable.end())
            throw UsageError("processor " + word + " is not there, or not for this process");
        if (std::find(processors.begin(), processors.end(), number) != processors.end())
            throw UsageError("'" + word + "' is given twice");
        processors.push_back(number);
    }
    return processors;
}

Subject parse_outside(const std::string& text) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
        throw UsageError("'" + text + "' is not NAME=COMMAND");
    if (text.find("PORT", equals) == std::string::npos)
        throw UsageError("'" + text.substr(equals + 1) +
                         "' does not say PORT: the server must be told the port that it listens on");
    return {text.substr(0, equals), text.substr(equals + 1)};
}

std::chrono::nanoseconds parse_span(const std::string& text) {
    const auto span = parse_seconds(text);
    if (span.count() == 0)
        throw UsageError("'" + text + "' is not more than 0");
    return span;
}

double parse_rate(const std::string& text) {
    constexpr std::size_t most = 100'000'000;
    return static_cast<double>(parse_count(text, 1, most));
}

/// What was given, before the rest takes its default.
struct Given {
    bool quick = false;
    bool closed = false;
    std::vector<Subject> modes;
    std::vector<Subject> outside;
};

ProgramOptions options(const std::vector<detail::BenchHandler>& handlers, Settings& settings, Given& given) {
    using Value = const std::string&;
    using detail::rarely_used;
    ProgramOptions all;
    all.group("What is measured");
    if (handlers.size() > 1) {
        std::vector<std::string> names;
        names.reserve(handlers.size());
        for (const detail::BenchHandler& handler : handlers)
            names.push_back(handler.name);
        all.add(
            {"handler", "NAME", "measure this handler: " + join(names), names.front(), [&settings, names](Value value) {
                 const auto found = std::find(names.begin(), names.end(), value);
                 if (found == names.end())
                     throw UsageError("'" + value + "' is not one of " + join(names));
                 settings.handler = static_cast<std::size_t>(found - names.begin());
             }});
    }
    all.add({"mode", "LIST", "measure these modes, separated by commas: " + join(all_modes), "all",
             [&](Value value) { parse_modes(value, given.modes); }});
    all.add({.name = "against",
             .value_name = "NAME=COMMAND",
             .description =
                 "measure an outside server, too. A shell runs COMMAND, one command that listens on 127.0.0.1 and "
                 "the port that replaces PORT. May be given several times",
             .store = [&](Value value) { add_once(given.outside, parse_outside(value)); },
             .repeats = true});
    all.group("Clients");
    all.add({"shape", "LIST",
             "make requests in these ways: keepalive (one at a time on each connection), pipelined (several together), "
             "connect (a connection for each), udp, idle (connections that wait)",
             "all", [&](Value value) { settings.shapes = parse_shapes(value); }});
    all.add({"connections", "LIST", "run so many clients at a time", "10,100,1000; 100 with --quick",
             [&](Value value) { settings.connections = parse_counts(value, most_connections); }});
    all.add({"depth", "N", "send N requests together when pipelined", std::to_string(settings.depth),
             [&](Value value) { settings.depth = parse_count(value, 1, 1'000); }})
        .rank = rarely_used;
    all.add({.name = "rate",
             .value_name = "N",
             .description = "make N requests due each second in the open loop",
             .default_value = "50, 80 and 95 % of what the mode reaches in a closed loop",
             .store = [&](Value value) { settings.rate = parse_rate(value); },
             .not_with = {"closed"}});
    all("closed", "run no open loop, only the closed one: what a mode reaches at most", given.closed);
    all.add({"patience", "S", "give a reply, or the start of an outside server, S seconds",
             seconds_text(settings.patience), [&](Value value) { settings.patience = parse_span(value); }})
        .rank = rarely_used;
    all.group("Runs");
    all("quick", "get a first idea within a minute: 100 clients, short runs", given.quick);
    all.add({"seconds", "S", "let each run last S seconds", "0.6; 0.2 with --quick",
             [&](Value value) { settings.run = parse_span(value); }});
    all.add({"repeat", "N", "run each measurement N times and take the median", "5; 3 with --quick",
             [&](Value value) { settings.repetitions = parse_count(value, 1, most_repetitions); }});
    all.add({"server-processors", "LIST", "run servers on these processors", "the first",
             [&](Value value) { settings.server_processors = parse_processors(value); }})
        .rank = rarely_used;
    all.add({"client-processors", "LIST", "run clients on these processors, a thread on each", "the second",
             [&](Value value) { settings.client_processors = parse_processors(value); }})
        .rank = rarely_used;
    all.group("Results");
    all.add({"output", "DIR", "write results.json and the report into this folder", "",
             [&](Value value) { settings.output = value; }});
    all.group("Help");
    std::vector<const ProgramOptions*> of_handlers;
    of_handlers.reserve(handlers.size());
    for (const detail::BenchHandler& handler : handlers)
        of_handlers.push_back(&handler.protocol.options);
    add_help(all, of_handlers, settings);
    return all;
}

void fill_in(Settings& settings, const Given& given) {
    settings.subjects = given.modes;
    if (settings.subjects.empty()) {
        for (const std::string& mode : all_modes)
            settings.subjects.push_back({mode, ""});
    }
    for (const Subject& outside : given.outside)
        add_once(settings.subjects, outside);
    if (settings.connections.empty())
        settings.connections = given.quick ? std::vector<std::size_t>{100} : std::vector<std::size_t>{10, 100, 1000};
    if (settings.shapes.empty())
        settings.shapes.assign(std::begin(all_shapes), std::end(all_shapes));
    if (settings.run.count() == 0)
        settings.run = given.quick ? quick_run : full_run;
    if (settings.repetitions == 0)
        settings.repetitions = given.quick ? quick_repetitions : full_repetitions;
    settings.open_loop = !given.closed;
    const std::vector<int> usable = usable_processors();
    if (settings.server_processors.empty())
        settings.server_processors = {usable.front()};
    if (settings.client_processors.empty()) {
        const auto other = std::find_if(usable.begin(), usable.end(), [&](int processor) {
            const auto& taken = settings.server_processors;
            return std::find(taken.begin(), taken.end(), processor) == taken.end();
        });
        settings.client_processors = {other == usable.end() ? usable.back() : *other};
    }
}

/// The handlers' own options, as they were given.
std::vector<std::string> for_servers(const std::vector<detail::BenchHandler>& handlers,
                                     const detail::GivenOptions& given) {
    std::vector<std::string> words;
    for (const detail::BenchHandler& handler : handlers) {
        for (const ProgramOption& option : handler.protocol.options) {
            for (const auto& [name, value] : given.options) {
                if (name != option.name)
                    continue;
                words.push_back("--" + name + (option.value_name.empty() ? "" : '=' + value));
            }
        }
    }
    return words;
}

}  // namespace

std::vector<int> usable_processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<int> usable;
    if (::sched_getaffinity(0, sizeof set, &set) == 0) {
        for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
            if (CPU_ISSET(static_cast<std::size_t>(processor), &set))
                usable.push_back(processor);
        }
    }
    return usable.empty() ? std::vector<int>{0} : usable;
}

Settings parse_command_line(const std::vector<detail::BenchHandler>& handlers, std::span<const std::string> arguments) {
    Settings settings;
    Given given;
    const ProgramOptions ours = options(handlers, settings, given);
    std::vector<const ProgramOptions*> known{&ours};
    for (const detail::BenchHandler& handler : handlers)
        known.push_back(&handler.protocol.options);
    const detail::GivenOptions all = read_options(known, arguments);
    if (!all.arguments.empty())
        throw UsageError("unexpected argument '" + all.arguments.front() + "'");
    settings.handler_arguments = for_servers(handlers, all);
    if (!settings.help && !settings.version) {
        check_combinations(known, all);
        fill_in(settings, given);
    }
    return settings;
}

void answer(const std::vector<detail::BenchHandler>& handlers, const std::string& program,
            const detail::HelpRequest& asked) {
    Settings settings;
    Given given;
    const ProgramOptions ours = options(handlers, settings, given);
    detail::ProgramHelp about{
        .program = program,
        .forms = {"[OPTION]...", "diff A.json B.json [--threshold PERCENT]"},
        .description = "Measures a handler in each mode. Each server runs alone, in a process on a processor of its "
                       "own; clients on "
                       "another processor ask it and check the replies. Prints requests per second, latencies, "
                       "processor time for a "
                       "request, memory for a connection, and which mode to choose.\n\n"
                       "The second form compares the results of two runs. Its status is 1 if one of them is worse by "
                       "more than PERCENT "
                       "(10) and more than the noise, or if a server fails or loses requests that did not before.",
        .exit_statuses = {{"0", "what can be measured was measured"},
                          {"1", "nothing could be measured, a reply was wrong, or (diff) something is worse"},
                          {"2", "the command line is wrong"},
                          {"130", "Ctrl-C ended the benchmark; what was measured by then is kept"}},
        .examples = {program + " --quick --output report", program + " --mode selecting,threading --connections 100",
                     program + " diff before/results.json after/results.json"},
        .see_also = {"time_server(1)", "echo_server(1)"}};
    for (const detail::BenchHandler& handler : handlers)
        about.options.push_back(&handler.protocol.options);
    about.options.push_back(&ours);
    detail::answer(about, asked);
}

}  // namespace socketserver::bench
