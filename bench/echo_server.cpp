/// \file
/// The echo handler under each concurrency, for measurements.

#include <socketserver/handlers/echo_handler.hpp>
#include <socketserver/socketserver.hpp>

#include <charconv>
#include <csignal>
#include <cstdint>
#include <exception>
#include <iostream>
#include <map>
#include <string_view>

#include <sys/resource.h>

namespace ss = socketserver;

namespace {

ss::ServerContext* running = nullptr;

template <class Concurrency>
void serve(std::uint16_t port) {
    constexpr std::size_t many = 1'000'000;
    ss::TCPServer<ss::EchoHandler, Concurrency> server(
        ss::Address("127.0.0.1", port),
        ss::ServerOptions{.forking = {.max_children = many}, .threading = {.max_threads = many}});
    running = &server;
    std::signal(SIGTERM, [](int) { running->request_shutdown(); });
    std::cout << server.server_address().port() << std::endl;  // NOLINT(performance-avoid-endl): somebody waits for it
    server.serve_forever();
}

const std::map<std::string_view, void (*)(std::uint16_t)> modes{{"blocking", serve<ss::Blocking>},
                                                                {"forking", serve<ss::Forking>},
                                                                {"selecting", serve<ss::Selecting>},
                                                                {"thread-pool", serve<ss::ThreadPool>},
                                                                {"threading", serve<ss::Threading>}};

void raise_descriptor_limit() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

int usage() {
    std::cerr << "usage: echo_server [--mode blocking|forking|selecting|thread-pool|threading] [--port PORT]\n"
                 "Echoes lines on 127.0.0.1; prints the port. SIGTERM ends it.\n";
    return 2;
}

}  // namespace

int main(int argc, char* argv[]) {
    std::uint16_t port = 0;
    auto mode = modes.find("selecting");
    for (int i = 1; i < argc; i += 2) {
        const std::string_view name = argv[i];
        if (i + 1 == argc)
            return usage();
        const std::string_view value = argv[i + 1];
        if (name == "--mode")
            mode = modes.find(value);
        else if (name != "--port" || std::from_chars(value.begin(), value.end(), port).ec != std::errc{})
            return usage();
    }
    if (mode == modes.end())
        return usage();
    try {
        raise_descriptor_limit();
        mode->second(port);
    } catch (const std::exception& failure) {
        std::cerr << "echo_server: " << failure.what() << '\n';
        return 1;
    }
}
