#include <socketserver/detail/command_line.hpp>
#include <socketserver/detail/read_options.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>
#include <vector>

namespace socketserver::detail {

namespace {

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

template <class Modes>
Mode parse_mode(const Modes& modes, std::string_view text) {
    return parse_one_of(
        modes, [](Mode mode) { return to_string(mode); }, text);
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

// The options every server has; they set the members of a command line. Plain --help shows those with a rank.
ProgramOptions common_options(const ServedProtocol& protocol, CommandLine& line) {
    using Value = const std::string&;
    ServerOptions& options = line.options;
    ProgramOptions all;
    all.group("Where to listen");
    all.add({.name = "host",
             .value_name = "HOST",
             .description = "listen on this name or address; \"\" means every address, IPv4 and IPv6",
             .default_value = line.host,
             .store = [&](Value value) { line.host = value; },
             .rank = 3,
             .not_with = {"unix"}});
    all.add({.name = "port",
             .value_name = "PORT",
             .description = "listen on this port; 0 takes a free one",
             .default_value = std::to_string(protocol.default_port),
             .store = [&](Value value) { line.port = static_cast<std::uint16_t>(parse_count(value, 0, 65'535)); },
             .rank = 2,
             .not_with = {"unix"}});
    all.add({.name = "unix",
             .value_name = "PATH",
             .description = "listen on this Unix socket instead; \"@NAME\" is an abstract one",
             .store = [&](Value value) { line.unix_path = parse_unix_path(value); },
             .rank = 5});
    if (protocol.datagrams)
        all("udp", "serve datagrams instead of connections", line.udp).rank = 6;
    all.add({.name = "backlog",
             .value_name = "N",
             .description = "let at most N connections wait in the kernel",
             .default_value = std::to_string(options.request_queue_size),
             .store =
                 [&](Value value) {
                     constexpr std::size_t most = std::numeric_limits<int>::max();
                     options.request_queue_size = static_cast<int>(parse_count(value, 1, most));
                 },
             .rank = rarely_used,
             .not_with = {"udp"}});
    all.add({.name = "defer-accept",
             .description = "accept a TCP connection when its client has sent data, or after " +
                            std::to_string(defer_accept.count()) + " seconds",
             .store = [&](Value) { options.defer_accept = defer_accept; },
             .rank = rarely_used,
             .not_with = {"unix", "udp"}});
    all.add({.name = "reuse-port",
             .description = "let other processes listen on the same port",
             .store = [&](Value) { options.allow_reuse_port = true; },
             .rank = rarely_used,
             .not_with = {"unix"}});

    all.group("Concurrency");
    const std::vector<Mode> every_mode(server_modes.begin(), server_modes.end());
    const std::vector<Mode> every_inner(inner_modes.begin(), inner_modes.end());
    all.add({.name = "mode",
             .value_name = "MODE",
             .description = "serve requests in this mode: " + list_of(every_mode, " or "),
             .default_value = std::string(to_string(line.mode)),
             .store = [&](Value value) { line.mode = parse_mode(server_modes, value); },
             .rank = 1});
    all.add({.name = "workers",
             .value_name = "N",
             .description = "serve by N threads, or by N processes with preforking",
             .default_value = std::to_string(options.thread_pool.threads) + " with thread-pool, " +
                              std::to_string(options.selecting.threads) +
                              " with selecting, one for each processor with preforking",
             .store = [&](Value value) { line.workers = parse_count(value, 1, most_workers); },
             .rank = 4,
             .modes = {Mode::selecting, Mode::thread_pool, Mode::preforking}});
    all.add({.name = "inner",
             .value_name = "MODE",
             .description = "run each process in this mode: " + list_of(every_inner, " or "),
             .default_value = std::string(to_string(line.inner)),
             .store = [&](Value value) { line.inner = parse_mode(inner_modes, value); },
             .rank = rarely_used,
             .modes = {Mode::preforking}});
    all.add({.name = "own-listeners",
             .description = "give each process its own queue of connections, which waits while it is busy",
             .store = [&](Value) { options.preforking.own_listeners = true; },
             .rank = rarely_used,
             .modes = {Mode::preforking},
             .not_with = {"unix"}});
    all.add({.name = "selector",
             .value_name = "NAME",
             .description = "wait by this system call: epoll, poll or select",
             .default_value = std::string(to_string(options.selecting.selector)),
             .store = [&](Value value) { options.selecting.selector = parse_selector(value); },
             .rank = rarely_used,
             .modes = {Mode::selecting}});

    all.group("Limits");
    all.add({.name = "max-connections",
             .value_name = "N",
             .description = "serve at most N connections at a time, over all processes; further ones wait",
             .default_value = std::to_string(options.forking.max_children) + " with forking, " +
                              std::to_string(options.threading.max_threads) + " with threading, " +
                              std::to_string(options.selecting.max_requests) + " with selecting",
             .store =
                 [&](Value value) {
                     // Also if that is more than the mode allows by itself.
                     options.forking.max_children = options.threading.max_threads = options.selecting.max_requests =
                         options.max_connections = parse_count(value, 1);
                 },
             .rank = 8,
             .modes = {Mode::forking, Mode::threading, Mode::selecting}});
    const std::vector<Mode> several_at_a_time{Mode::forking, Mode::threading, Mode::selecting, Mode::thread_pool};
    all.add({.name = "max-per-address",
             .value_name = "N",
             .description = "close further connections of an address that has N in a process; 0 disables",
             .default_value = "0",
             .store = [&](Value value) { options.max_per_address = parse_count(value); },
             .rank = rarely_used,
             .modes = several_at_a_time,
             .not_with = {"unix", "udp"}});
    all.add({.name = "per-address-prefix",
             .value_name = "V4/V6",
             .description = "count addresses as one if their first V4 bits (IPv4) or V6 bits (IPv6) are equal",
             .default_value = "32/128",
             .store = [&](Value value) { options.per_address_prefix = parse_prefix(value); },
             .rank = rarely_used,
             .modes = several_at_a_time,
             .not_with = {"unix", "udp"},
             .needs = "max-per-address"});
    all.add({.name = "timeout",
             .value_name = "S",
             .description = "close a connection that keeps the server waiting for S seconds; 0 disables",
             .default_value = std::to_string(default_timeout.count()),
             .store = [&](Value value) { options.connection.timeout = parse_timeout(value); },
             .rank = 9,
             .not_with = {"udp"}});
    all.add({.name = "line-timeout",
             .value_name = "S",
             .description = "close a connection that does not complete a line within S seconds; 0 disables",
             .default_value = std::to_string(default_line_timeout.count()),
             .store = [&](Value value) { options.connection.line_timeout = parse_timeout(value); },
             .rank = rarely_used,
             .not_with = {"udp"}});
    all.add({.name = "write-timeout",
             .value_name = "S",
             .description = "close a connection that does not take output within S seconds; 0 means --timeout",
             .default_value = std::to_string(default_write_timeout.count()),
             .store = [&](Value value) { options.connection.write_timeout = parse_timeout(value); },
             .rank = rarely_used,
             .not_with = {"udp"}});
    all.add({.name = "requests-per-connection",
             .value_name = "N",
             .description = "close a connection after N requests; 0 disables",
             .default_value = std::to_string(options.connection.max_lines),
             .store = [&](Value value) { options.connection.max_lines = parse_count(value); },
             .rank = rarely_used,
             .not_with = {"udp"}});

    all.group("Stopping");
    all("drain", "give running requests S seconds to end after SIGINT or SIGTERM", options.drain).rank = 10;

    all.group("Logging");
    all("quiet", "log errors only, not each connection", line.quiet).rank = 7;
    ProgramOption& stall_limit = all("stall-limit", "warn when a handler blocks its thread for S seconds; 0 disables",
                                     options.selecting.stall_limit);
    stall_limit.rank = rarely_used;
    stall_limit.modes = {Mode::selecting};

    all.group("Help");
    add_help(all, {&protocol.options}, line);
    return all;
}

// The handlers' own options, which mean nothing to handlers of datagrams that are not made from them.
ProgramOptions own_options(const ServedProtocol& protocol) {
    ProgramOptions own = protocol.options;
    if (protocol.datagrams && !protocol.datagrams_take_options)
        own.forbid_with("udp");
    return own;
}

void set_workers(CommandLine& line) {
    if (!line.workers)
        return;
    ServerOptions& options = line.options;
    if (line.mode == Mode::preforking) {
        if (*line.workers > ServerOptions::Preforking::most_workers)
            throw UsageError("--workers: at most " + std::to_string(ServerOptions::Preforking::most_workers) +
                             " with --mode preforking");
        options.preforking.workers = *line.workers;
    } else if (line.mode == Mode::thread_pool) {
        options.thread_pool.threads = *line.workers;
    } else {
        options.selecting.threads = *line.workers;
    }
}

}  // namespace

CommandLine parse_command_line(const ServedProtocol& protocol, std::span<const std::string> arguments) {
    CommandLine line;
    line.port = protocol.default_port;
    line.options.connection.timeout = default_timeout;
    line.options.connection.line_timeout = default_line_timeout;
    line.options.connection.write_timeout = default_write_timeout;
    const ProgramOptions own = own_options(protocol);
    const ProgramOptions common = common_options(protocol, line);
    const GivenOptions given = read_options({&own, &common}, arguments);
    if (!line.help && !line.version) {
        check_combinations({&own, &common}, given, {line.mode, line.inner});
        set_workers(line);
        store_arguments(own, given);
    }
    return line;
}

ServerHelp::ServerHelp(const ServedProtocol& protocol, std::string_view program)
    : own_(own_options(protocol)), common_(common_options(protocol, defaults_)) {
    about_.program = program;
    about_.description = protocol.description;
    about_.details = {"The program serves until SIGINT or SIGTERM comes. It then accepts nothing more, lets running "
                      "requests end for the "
                      "time of --drain and cuts the rest. A second signal ends it at once.",
                      "A line on standard output says when the program is ready; the log goes to standard error. If a "
                      "service manager "
                      "passes a listening socket (sd_listen_fds(3)), the program serves that one instead of its own."};
    about_.options = {&own_, &common_};
    about_.exit_statuses = {
        {"0", "a signal or a handler ended the program"},
        {"1", "the program could not serve, a second signal cut requests, or a request that computes could not be "
              "cut after --drain (in the modes that fork, its process is killed instead)"},
        {"2", "the command line is wrong"}};
    for (std::string_view rest = protocol.examples; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        about_.examples.push_back(line.starts_with("$0") ? about_.program + std::string(line.substr(2))
                                                         : std::string(line));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    if (about_.examples.empty()) {
        std::string command = about_.program;
        for (const ProgramOption& argument : own_.arguments())
            command += ' ' + argument.name;
        about_.examples.push_back(command + " --mode threading");
    }
    about_.see_also = {"socketserver-bench(1)", "systemd.socket(5)"};
}

}  // namespace socketserver::detail
