#include <socketserver/detail/command_line.hpp>
#include <socketserver/detail/read_options.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>
#include <vector>

namespace socketserver::detail {

namespace {

constexpr std::array<std::pair<Mode, std::string_view>, 6> modes{{{Mode::blocking, "blocking"},
                                                                  {Mode::forking, "forking"},
                                                                  {Mode::threading, "threading"},
                                                                  {Mode::selecting, "selecting"},
                                                                  {Mode::thread_pool, "thread-pool"},
                                                                  {Mode::preforking, "preforking"}}};

// What the processes of the mode preforking can do.
constexpr std::array inner_modes{Mode::blocking, Mode::threading, Mode::selecting};

constexpr std::array selectors{SelectorKind::epoll, SelectorKind::poll, SelectorKind::select};

// Programs are left alone with their clients, so they do not wait for silent, slow or deaf ones for ever, as the library does.
constexpr std::chrono::seconds default_timeout{60};
constexpr std::chrono::seconds default_line_timeout{10};
constexpr std::chrono::seconds default_write_timeout{60};

// How long --defer-accept leaves silent clients to the kernel, before the server's own time-out counts.
constexpr std::chrono::seconds defer_accept{10};

// More would serve nobody, and is likely a slip.
constexpr std::size_t most_workers = 10'000;

/// Finds the one of some values that is called so.
template <class Values, class NameOf>
auto parse_one_of(const Values& values, NameOf name_of, std::string_view text) {
    std::string names;
    for (const auto& value : values) {
        if (name_of(value) == text)
            return value;
        names += (names.empty() ? "" : ", ") + std::string(name_of(value));
    }
    throw UsageError("'" + std::string(text) + "' is not one of " + names);
}

std::string names_of_modes() {
    std::string names;
    for (const auto& [mode, name] : modes)
        names += (names.empty() ? "" : ", ") + std::string(name);
    return names;
}

Mode parse_mode(std::string_view text) {
    return parse_one_of(
               modes, [](const auto& mode) { return mode.second; }, text)
        .first;
}

Mode parse_inner_mode(std::string_view text) {
    return parse_one_of(
        inner_modes, [](Mode mode) { return to_string(mode); }, text);
}

SelectorKind parse_selector(std::string_view text) {
    return parse_one_of(
        selectors, [](SelectorKind kind) { return to_string(kind); }, text);
}

std::optional<std::chrono::nanoseconds> parse_timeout(std::string_view text) {
    const auto span = parse_seconds(text);
    return span.count() == 0 ? std::nullopt : std::optional(span);
}

ServerOptions::AddressPrefix parse_prefix(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos)
        throw UsageError("'" + std::string(text) + "' is not two numbers of bits like 24/64");
    const std::size_t ipv4 = parse_count(text.substr(0, slash), 0, 32);
    const std::size_t ipv6 = parse_count(text.substr(slash + 1), 0, 128);
    return {static_cast<unsigned>(ipv4), static_cast<unsigned>(ipv6)};
}

std::string parse_unix_path(const std::string& text) {
    try {
        static_cast<void>(Address::unix_path(text));
        return text;
    } catch (const std::invalid_argument& failure) {
        throw UsageError(failure.what());
    }
}

// The options every server has; they set the members of a command line.
ProgramOptions common_options(const Protocol& protocol, CommandLine& line) {
    using Value = const std::string&;
    ServerOptions& options = line.options;
    ProgramOptions all;
    all.add({"mode", "MODE", "how requests are served at the same time: " + names_of_modes(),
             std::string(to_string(line.mode)), [&](Value value) { line.mode = parse_mode(value); }});
    all.add({"selector", "NAME", "wait by this system call: epoll, poll or select; in the mode selecting",
             std::string(to_string(options.selecting.selector)),
             [&](Value value) { options.selecting.selector = parse_selector(value); }});
    all("stall-limit",
        "warn of a handler that holds up all others of its thread for S seconds; 0: never; in the mode selecting",
        options.selecting.stall_limit);
    all.add(
        {"workers", "N",
         "serve by N threads, in the mode thread-pool each for one request at a time, in the mode selecting for many; "
         "by N processes in the mode preforking",
         std::to_string(options.thread_pool.threads) + " thread-pool, " + std::to_string(options.selecting.workers) +
             " selecting, as many as there are processors preforking",
         [&](Value value) { line.workers = parse_count(value, 1, most_workers); }});
    all.add({"inner", "MODE", "what each process does in the mode preforking: blocking, threading or selecting",
             std::string(to_string(line.inner)), [&](Value value) { line.inner = parse_inner_mode(value); }});
    all("own-listeners",
        "in the mode preforking, give each process its own queue of connections instead of one for all; a process that "
        "is busy or being replaced then keeps its own waiting",
        options.preforking.own_listeners);
    all.add({"host", "HOST", "listen on this name or address; \"\" is any address, IPv4 and IPv6", line.host,
             [&](Value value) { line.host = value; }});
    all.add({"port", "PORT", "listen on this port; 0 takes a free one", std::to_string(protocol.default_port),
             [&](Value value) { line.port = static_cast<std::uint16_t>(parse_count(value, 0, 65'535)); }});
    all.add({"unix", "PATH", "listen on this Unix socket instead; \"@NAME\" is an abstract one", "",
             [&](Value value) { line.unix_path = parse_unix_path(value); }});
    if (protocol.datagrams)
        all("udp", "serve datagrams instead of connections", line.udp);
    all.add({"max-connections", "N",
             "serve at most N at a time, divided among the processes in the mode preforking; the others wait",
             std::to_string(options.forking.max_children) + " forking, " +
                 std::to_string(options.threading.max_threads) + " threading, " +
                 std::to_string(options.selecting.max_requests) + " selecting",
             [&](Value value) {
                 // Also if that is more than the mode allows by itself.
                 options.forking.max_children = options.threading.max_threads = options.selecting.max_requests =
                     options.max_connections = parse_count(value, 1);
             }});
    all.add(
        {"max-per-address", "N",
         "close further connections of an address that has N, in the mode preforking in each process; 0: any number",
         "0", [&](Value value) { options.max_per_address = parse_count(value); }});
    all.add(
        {"per-address-prefix", "V4/V6",
         "count addresses with so many leading bits in common as one, V4 of IPv4 and V6 of IPv6: 24/64 for networks",
         "32/128", [&](Value value) { options.per_address_prefix = parse_prefix(value); }});
    all.add({"timeout", "S", "end a connection that keeps the server waiting for S seconds; 0: never",
             std::to_string(default_timeout.count()),
             [&](Value value) { options.connection.timeout = parse_timeout(value); }});
    all.add({"line-timeout", "S",
             "end a connection that has sent the beginning of a line and not its end within S seconds; 0: never",
             std::to_string(default_line_timeout.count()),
             [&](Value value) { options.connection.line_timeout = parse_timeout(value); }});
    all.add({"write-timeout", "S",
             "end a connection that does not take a piece of output within S seconds; 0: as --timeout says",
             std::to_string(default_write_timeout.count()),
             [&](Value value) { options.connection.write_timeout = parse_timeout(value); }});
    all("drain", "when told to end, give running requests S seconds", options.drain);
    all("requests-per-connection", "close a connection after N requests; 0: never", options.connection.max_lines);
    all.add({"backlog", "N", "let N connections wait in the kernel", std::to_string(options.request_queue_size),
             [&](Value value) {
                 constexpr std::size_t most = std::numeric_limits<int>::max();
                 options.request_queue_size = static_cast<int>(parse_count(value, 1, most));
             }});
    all.add({"defer-accept", "",
             "take a TCP connection only when its client has sent something, or after " +
                 std::to_string(defer_accept.count()) + " seconds; where the client speaks first",
             "", [&](Value) { options.defer_accept = defer_accept; }});
    all("reuse-port", "let other processes listen on the same port", options.allow_reuse_port);
    all("quiet", "tell of errors only, not of each connection", line.quiet);
    all("help", "print this and exit", line.help);
    all("version", "print the version and exit", line.version);
    return all;
}

void check_meaning(const CommandLine& line, const Protocol& protocol, const GivenOptions& given) {
    const auto refuse = [&given](const std::string& name, const std::string& where) {
        if (given.contains(name))
            throw UsageError("--" + name + " means nothing " + where);
    };
    const bool preforks = line.mode == Mode::preforking;
    const Mode served_in = preforks ? line.inner : line.mode;
    if (served_in == Mode::blocking)
        for (const char* const name : {"max-connections", "max-per-address", "per-address-prefix"})
            refuse(name, "in the mode blocking, which serves one at a time");
    if (line.mode == Mode::thread_pool)
        refuse("max-connections", "in the mode thread-pool, which serves as many at a time as --workers says");
    if (!given.contains("max-per-address"))
        refuse("per-address-prefix", "without --max-per-address");
    const std::string in_the_mode = "in the mode " + std::string(to_string(line.mode));
    if (line.mode != Mode::thread_pool && line.mode != Mode::selecting && !preforks)
        refuse("workers", in_the_mode);
    if (served_in != Mode::selecting) {
        for (const char* const name : {"selector", "stall-limit"})
            refuse(name, "in the mode " + std::string(to_string(served_in)));
    }
    if (!preforks) {
        for (const char* const name : {"inner", "own-listeners"})
            refuse(name, in_the_mode);
    }
    if (line.unix_path) {
        for (const char* const name :
             {"host", "port", "reuse-port", "defer-accept", "own-listeners", "max-per-address", "per-address-prefix"})
            refuse(name, "with --unix");
    }
    if (line.udp) {
        for (const char* const name : {"timeout", "line-timeout", "write-timeout", "requests-per-connection", "backlog",
                                       "defer-accept", "max-per-address", "per-address-prefix"})
            refuse(name, "with --udp");
        if (!protocol.datagrams_take_options) {
            for (const ProgramOption& option : protocol.options)
                refuse(option.name, "with --udp");
        }
    }
}

void set_workers(CommandLine& line) {
    if (!line.workers)
        return;
    ServerOptions& options = line.options;
    if (line.mode == Mode::preforking) {
        if (*line.workers > ServerOptions::Preforking::most_workers)
            throw UsageError("--workers: at most " + std::to_string(ServerOptions::Preforking::most_workers) +
                             " in the mode preforking");
        options.preforking.workers = *line.workers;
    } else if (line.mode == Mode::thread_pool) {
        options.thread_pool.threads = *line.workers;
    } else {
        options.selecting.workers = *line.workers;
    }
}

void store_arguments(const std::vector<ProgramOption>& wanted, const std::vector<std::string>& given) {
    if (given.size() > wanted.size())
        throw UsageError("unexpected argument '" + given[wanted.size()] + "'");
    if (given.size() < wanted.size())
        throw UsageError(wanted[given.size()].name + " is missing: " + wanted[given.size()].description);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        try {
            wanted[i].store(given[i]);
        } catch (const UsageError& failure) {
            throw UsageError(wanted[i].name + ": " + failure.what());
        }
    }
}

/// "[OPTION]... DIR"
std::string synopsis(const Protocol& protocol) {
    std::string text = "[OPTION]...";
    for (const ProgramOption& argument : protocol.options.arguments())
        text += ' ' + argument.name;
    return text;
}

}  // namespace

std::string_view to_string(Mode mode) noexcept {
    for (const auto& [value, name] : modes) {
        if (value == mode)
            return name;
    }
    return "?";
}

CommandLine parse_command_line(const Protocol& protocol, std::span<const std::string> arguments) {
    CommandLine line;
    line.port = protocol.default_port;
    line.options.connection.timeout = default_timeout;
    line.options.connection.line_timeout = default_line_timeout;
    line.options.connection.write_timeout = default_write_timeout;
    const ProgramOptions common = common_options(protocol, line);
    const GivenOptions given = read_options({&common, &protocol.options}, arguments);
    if (!line.help && !line.version) {
        check_meaning(line, protocol, given);
        set_workers(line);
        store_arguments(protocol.options.arguments(), given.arguments);
    }
    return line;
}

std::string help_text(const Protocol& protocol, std::string_view program) {
    CommandLine defaults;
    const ProgramOptions common = common_options(protocol, defaults);
    std::string text = "usage: " + std::string(program) + ' ' + synopsis(protocol) + '\n';
    if (!protocol.description.empty())
        text += std::string(protocol.description) + '\n';
    text += '\n';
    std::vector<std::pair<std::string, const ProgramOption*>> rows;
    for (const ProgramOption& argument : protocol.options.arguments())
        rows.emplace_back("  " + argument.name, &argument);
    for (const ProgramOptions* const options : {&protocol.options, &common}) {
        for (const ProgramOption& option : *options)
            rows.emplace_back("  " + spelling(option), &option);
    }
    return text + help_lines(rows);
}

std::string usage_line(const Protocol& protocol, std::string_view program) {
    return "usage: " + std::string(program) + ' ' + synopsis(protocol) + "; " + std::string(program) +
           " --help lists the options";
}

}  // namespace socketserver::detail
