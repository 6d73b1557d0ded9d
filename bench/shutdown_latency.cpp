// How long shutdown() takes from another thread, under each concurrency: the median and the longest of many.

#include <socketserver/handlers/echo_handler.hpp>
#include <socketserver/socketserver.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

namespace ss = socketserver;

namespace {

constexpr int rounds = 200;

template <class Concurrency>
void measure(const char* name) {
    using Microseconds = std::chrono::duration<double, std::micro>;
    ss::TCPServer<ss::EchoHandler, Concurrency> server({"127.0.0.1", 0});
    std::vector<double> times;
    for (int round = 0; round < rounds; ++round) {
        std::thread thread([&] { server.serve_forever(); });
        // Answered once, so that the server is known to serve, and ended, so that no request is in its way.
        ss::Socket client = ss::create_connection(server.server_address());
        client.sendall("hello\n");
        static_cast<void>(client.recv(6));
        client.close();
        const auto begin = std::chrono::steady_clock::now();
        server.shutdown();
        times.push_back(Microseconds(std::chrono::steady_clock::now() - begin).count());
        thread.join();
    }
    std::sort(times.begin(), times.end());
    std::printf("%-10s median %6.0f us, longest %6.0f us, of %d\n", name, times[times.size() / 2], times.back(),
                rounds);
}

}  // namespace

int main() {
    measure<ss::Blocking>("blocking");
    measure<ss::Forking>("forking");
    measure<ss::Threading>("threading");
    measure<ss::Selecting>("selecting");
}
