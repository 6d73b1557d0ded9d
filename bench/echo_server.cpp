/// \file
/// The echo handler under each concurrency, for measurements.

#include <socketserver/handlers/echo_handler.hpp>
#include <socketserver/socketserver.hpp>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <iostream>
#include <map>
#include <string_view>

#include <sys/resource.h>

namespace ss = socketserver;

namespace {

struct Settings {
    std::uint16_t port = 0;
    bool udp = false;
    ss::ServerOptions options;
};

ss::ServerContext* running = nullptr;

template <class Server>
void run(const Settings& settings) {
    Server server(ss::Address("127.0.0.1", settings.port), settings.options);
    running = &server;
    std::signal(SIGTERM, [](int) { running->request_shutdown(); });
    std::cout << server.server_address().port() << std::endl;  // NOLINT(performance-avoid-endl): somebody waits for it
    server.serve_forever();
}

template <class Concurrency>
void serve(const Settings& settings) {
    if (settings.udp)
        run<ss::UDPServer<ss::EchoDatagramHandler, Concurrency>>(settings);
    else
        run<ss::TCPServer<ss::EchoHandler, Concurrency>>(settings);
}

// What takes a number.
const std::map<std::string_view, void (*)(Settings&, unsigned)> numbers{
    {"--defer-accept",
     [](Settings& settings, unsigned seconds) { settings.options.defer_accept = std::chrono::seconds(seconds); }},
    {"--lines", [](Settings& settings, unsigned lines) { settings.options.connection.max_lines = lines; }},
    {"--port", [](Settings& settings, unsigned port) { settings.port = static_cast<std::uint16_t>(port); }},
    {"--stall-limit", [](Settings& settings,
                         unsigned seconds) { settings.options.selecting.stall_limit = std::chrono::seconds(seconds); }},
    {"--timeout",
     [](Settings& settings, unsigned seconds) { settings.options.connection.timeout = std::chrono::seconds(seconds); }},
    {"--workers", [](Settings& settings, unsigned workers) {
         settings.options.preforking.workers = workers;
         settings.options.selecting.threads = workers;
         settings.options.thread_pool.threads = workers;
     }}};

void raise_descriptor_limit() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

int usage() {
    std::cerr << "usage: echo_server [--mode MODE] [--udp] [OPTION NUMBER]...\n"
                 "Echoes lines, or with --udp datagrams, on 127.0.0.1; prints the port. SIGTERM ends it.\n"
                 "modes:";
    for (const std::string_view name : ss::concurrency_names())
        std::cerr << ' ' << name;
    std::cerr << "\noptions (times in seconds):";
    for (const auto& [name, set] : numbers)
        std::cerr << ' ' << name;
    std::cerr << '\n';
    return 2;
}

}  // namespace

int main(int argc, char* argv[]) {
    constexpr std::size_t many = 1'000'000;
    Settings settings;
    settings.options.forking.max_children = many;
    settings.options.threading.max_threads = many;
    std::string_view mode = "selecting";
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--udp") {
            settings.udp = true;
            continue;
        }
        if (++i == argc)
            return usage();
        const std::string_view value = argv[i];
        const auto number = numbers.find(name);
        unsigned parsed = 0;
        if (name == "--mode")
            mode = value;
        else if (number != numbers.end() && std::from_chars(value.begin(), value.end(), parsed).ec == std::errc{})
            number->second(settings, parsed);
        else
            return usage();
    }
    if (mode.starts_with("preforking"))
        settings.options.selecting.threads = 1;
    try {
        raise_descriptor_limit();
        const bool served =
            ss::with_concurrency(mode, [&]<class Concurrency>(Concurrency) { serve<Concurrency>(settings); });
        return served ? 0 : usage();
    } catch (const std::exception& failure) {
        std::cerr << "echo_server: " << failure.what() << '\n';
        return 1;
    }
}
