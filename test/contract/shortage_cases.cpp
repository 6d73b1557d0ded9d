#include "scene.hpp"

#include "support/eventually.hpp"
#include "support/rlimit.hpp"
#include "support/time_factor.hpp"

#include <socketserver/net/socket.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace socketserver::test {

namespace {

/// Makes descriptors run out in a process for as long as it lives.
class NoDescriptors {
public:
    // The limit is the lowest free number, so all below it are taken; or so many more.
    explicit NoDescriptors(pid_t process, rlim_t but = 0)
        : limit_(RLIMIT_NOFILE, lowest_free(process) + but, process) {}

private:
    static rlim_t lowest_free(pid_t process) {
        const std::string folder = "/proc/" + std::to_string(process) + "/fd/";
        rlim_t fd = 0;
        struct stat unused {};
        while (::lstat((folder + std::to_string(fd)).c_str(), &unused) == 0)
            ++fd;
        return fd;
    }
    ScopedRlimit limit_;
};

bool forking_by_ipv4(const Combination& combination) {
    return combination.forks && combination.transport == Combination::Transport::tcp_ipv4;
}

/// The process that accepts.
pid_t accepting_process(const Scene& scene) {
    const auto workers = scene.script.worker_pids();
    return workers.empty() ? ::getpid() : workers.front();
}

}  // namespace

CONTRACT_CASE(waits_and_recovers_when_descriptors_run_out, streams) {
    using Clock = std::chrono::steady_clock;
    Scene scene(combination, {.preforking = {.workers = 1}});
    scene.serve(1h);  // nothing but the end of each pause may wake it
    BOOST_TEST(scene.exchange("before\n") == "before\n");
    BOOST_TEST(eventually([&] { return scene.statistics().active == 0; }));
    Socket client(scene.server().server_address().family());
    client.settimeout(10s * time_factor);
    Clock::duration paused{};
    {
        const NoDescriptors none(accepting_process(scene));
        const auto begin = Clock::now();
        client.connect(scene.server().server_address());
        client.sendall("patience\n");
        BOOST_TEST(eventually([&] { return scene.statistics().accept_errors >= 8; }));
        paused = Clock::now() - begin;
    }
    // Pauses of 1, 2, 4, 8, 16, 32 and 50 ms lie between eight failures.
    BOOST_TEST((paused >= 113ms));
    BOOST_TEST(client.recv(100) == "patience\n");
    client.close();
    const auto intervals = static_cast<std::size_t>(paused / 1s);
    BOOST_TEST(scene.logged("Too many open files") >= 1U);
    BOOST_TEST(scene.logged("Too many open files") <= 1U + intervals);
    BOOST_TEST(!scene.stop());
    BOOST_TEST(scene.statistics().no_descriptors == scene.statistics().accept_errors);
    BOOST_TEST(scene.statistics().no_memory == 0U);
}

CONTRACT_CASE(shuts_down_while_descriptors_have_run_out, streams) {
    Scene scene(combination, {.preforking = {.workers = 1}});
    scene.serve();
    BOOST_TEST(scene.exchange("before\n") == "before\n");
    BOOST_TEST(eventually([&] { return scene.statistics().active == 0; }));
    Socket client(scene.server().server_address().family());
    const NoDescriptors none(accepting_process(scene));
    client.connect(scene.server().server_address());
    BOOST_TEST(eventually([&] { return scene.statistics().accept_errors >= 1; }));
    BOOST_TEST(!scene.stop());
}

CONTRACT_CASE(sees_children_end_for_which_it_had_no_descriptor, forking_by_ipv4) {
    Scene scene(combination, {.max_connections = 1});
    scene.serve(1h);
    BOOST_TEST(scene.exchange("before\n") == "before\n");
    BOOST_TEST(eventually([&] { return scene.statistics().active == 0; }));
    Socket first(AF_INET);
    Socket second(AF_INET);
    for (Socket* const client : {&first, &second})
        client->settimeout(10s * time_factor);
    // What is left is for the connection, while it is handed to the child: nothing is for the child itself.
    const NoDescriptors but_one(::getpid(), 1);
    first.connect(scene.server().server_address());
    first.sendall("first\n");
    BOOST_TEST(first.recv(100) == "first\n");
    second.connect(scene.server().server_address());
    second.sendall("second\n");
    first.shutdown(SHUT_WR);
    BOOST_TEST(second.recv(100) == "second\n");
}

CONTRACT_CASE(serves_all_of_many_clients_at_once, every_server) {
    constexpr int count = 200;
    Scene scene(combination);
    // A Unix datagram server's queue is short (net.unix.max_dgram_qlen): its clients wait for room to send.
    const bool queue_is_short = combination.is_unix() && combination.is_datagram();
    if (queue_is_short)
        scene.serve();
    std::vector<Scene::Sent> clients;
    clients.reserve(count);
    for (int i = 0; i < count; ++i)
        clients.push_back(scene.send("client " + std::to_string(i) + '\n'));
    if (!queue_is_short)
        scene.serve();
    for (int i = 0; i < count; ++i) {
        const auto& client = clients[static_cast<std::size_t>(i)];
        if (client.stream)
            client.stream->half_close();
    }
    for (int i = 0; i < count; ++i)
        BOOST_TEST(clients[static_cast<std::size_t>(i)].answer() == "client " + std::to_string(i) + '\n');
    scene.stop();
    scene.server().server_close();
    BOOST_TEST(scene.statistics().handled == static_cast<std::uint64_t>(count));
    BOOST_TEST(scene.script.log.lines().empty());
}

}  // namespace socketserver::test
