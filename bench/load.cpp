/// \file
/// Clients of an echo server: each sends lines and waits for the replies before it sends the next (a closed loop). Every
/// byte that comes back is checked.
///
/// It should take less of its processor than the server does of its: a request costs it a recv, a send and its part of an
/// epoll_wait, no allocation, and one look at the clock. With a processor of its own it need not sleep either (--spin):
/// on one machine it is the sender who pays for waking a receiver, and more often the slower it is, so that clients
/// which sleep would make a slow server look slower than it is.

#include "tool/latency_histogram.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using socketserver::bench::LatencyHistogram;
using Clock = std::chrono::steady_clock;

constexpr const char* usage =
    "usage: load --port PORT [OPTION]...\n"
    "\n"
    "Loads an echo server on 127.0.0.1 and checks every reply. Prints \"ready\" when all connections have been served\n"
    "once, waits for a line on standard input, prints the requests made, the seconds taken, how many of them the "
    "clients\n"
    "were at work, and the median and 99th percentile of a request's seconds, and keeps its connections until "
    "standard\n"
    "input ends.\n"
    "\n"
    "  --connections N        how many clients at a time (100)\n"
    "  --seconds S            how long (1)\n"
    "  --requests N           how many requests, instead of a time\n"
    "  --size N               bytes of a line, with its end: at least 12 (32)\n"
    "  --depth N              lines sent together (1)\n"
    "  --connect-per-request  a new connection for each request\n"
    "  --udp                  datagrams\n"
    "  --idle N               open N connections, have one line echoed on each, and keep them\n"
    "  --cpu N                run on this processor\n"
    "  --spin                 look for replies again and again instead of sleeping\n";

struct Options {
    std::uint16_t port = 0;
    std::size_t connections = 100;
    double seconds = 1;
    std::uint64_t requests = 0;
    std::size_t size = 32;
    std::size_t depth = 1;
    bool connect_per_request = false;
    bool udp = false;
    bool idle = false;
    int cpu = -1;
    bool spin = false;
};

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// A client: sends a batch of lines, and checks what comes back.
class Client {
public:
    Client(const Options& options, int epoll, std::uint32_t number)
        : options_(options), epoll_(epoll), number_(number), batch_(options.size * options.depth, 'x') {
        for (std::size_t line = 1; line <= options.depth; ++line)
            batch_[line * options.size - 1] = '\n';
    }
    ~Client() { disconnect(); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// Begins with the next batch, on the connection that there is or else a new one.
    void start(Clock::time_point now) {
        started_ = now;
        if (fd_ < 0)
            connect();
        for (std::size_t line = 0; line < options_.depth; ++line) {
            // No line is like the one before it, nor like another client's.
            char* const at = &batch_[line * options_.size];
            std::memcpy(at, &number_, sizeof number_);
            std::memcpy(at + sizeof number_, &count_, sizeof count_);
            for (char* byte = at; byte != at + sizeof number_ + sizeof count_; ++byte)
                *byte = static_cast<char>(*byte | '\x80');  // no newline
            ++count_;
        }
        sent_ = 0;
        received_ = 0;
        waits_ = true;
        send();
    }

    /// Goes on after an event.
    /// \return whether that has brought the last of the batch
    bool go_on() {
        if (!waits_)
            return false;
        if (sent_ < batch_.size())
            send();
        waits_ = !receive();
        return !waits_;
    }

    /// When the batch began.
    [[nodiscard]] Clock::time_point started() const { return started_; }

    void disconnect() {
        if (fd_ >= 0)
            ::close(fd_);
        fd_ = -1;
    }

private:
    void connect() {
        fd_ = ::socket(AF_INET, (options_.udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
        if (fd_ < 0)
            fail("socket");
        const int on = 1;
        sockaddr_in address{};
        address.sin_family = AF_INET;
        if (options_.connect_per_request) {
            // Closed connections keep their ports for a while: many addresses have many ports.
            constexpr std::uint32_t addresses = 200;
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (number_ + connects_++) % addresses);
            if (::setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0)
                fail("setsockopt");
            if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
                fail("bind");
        } else if (!options_.udp && ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
            fail("setsockopt");
        }
        address.sin_port = htons(options_.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            fail("connect");
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.ptr = this;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &event) != 0)
            fail("epoll_ctl");
    }

    void send() {
        while (sent_ < batch_.size()) {
            const ssize_t count = ::send(fd_, &batch_[sent_], batch_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count < 0) {
                if (errno == EAGAIN)
                    return;
                fail("send");
            }
            sent_ += static_cast<std::size_t>(count);
        }
    }

    bool receive() {
        static std::array<char, 65536> input;
        while (received_ < batch_.size()) {
            const std::size_t wanted = std::min(input.size(), batch_.size() - received_);
            const ssize_t count = ::recv(fd_, input.data(), wanted, MSG_DONTWAIT);
            if (count < 0) {
                if (errno == EAGAIN)
                    return false;
                fail("recv");
            }
            if (count == 0)
                throw std::runtime_error(options_.udp ? "an empty reply" : "the server closed a connection");
            if (std::memcmp(input.data(), &batch_[received_], static_cast<std::size_t>(count)) != 0)
                throw std::runtime_error("a reply differs from its request");
            received_ += static_cast<std::size_t>(count);
        }
        return true;
    }

    const Options& options_;
    const int epoll_;
    const std::uint32_t number_;
    std::uint32_t count_ = 0;
    std::uint32_t connects_ = 0;
    int fd_ = -1;
    Clock::time_point started_;
    std::string batch_;
    std::size_t sent_ = 0;
    std::size_t received_ = 0;
    bool waits_ = false;  // for replies
};

/// All clients.
class Load {
public:
    /// Connects them, and has each served once.
    explicit Load(const Options& options) : options_(options), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        if (epoll_ < 0)
            fail("epoll_create1");
        for (std::uint32_t number = 0; number < options.connections; ++number) {
            clients_.push_back(std::make_unique<Client>(options, epoll_, number));
            // One after the other, so that the server's queue of connections never overflows.
            clients_.back()->start(Clock::now());
            run(1, Clock::time_point::min());
        }
        latencies_ = {};
    }
    ~Load() { ::close(epoll_); }
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    /// Makes requests.
    /// \return how many
    std::uint64_t run_all() {
        const std::chrono::duration<double> time(options_.seconds);
        const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(time);
        for (const auto& client : clients_)
            client->start(Clock::now());
        return run(clients_.size(), options_.requests > 0 ? Clock::time_point::max() : end) * options_.depth;
    }

    /// How long batches took, from before the connection was made if it was made for them.
    [[nodiscard]] const LatencyHistogram& latencies() const { return latencies_; }

    /// How long all clients waited for replies.
    [[nodiscard]] Clock::duration waited() const { return waited_; }

private:
    /// Has clients that have begun begin anew until a time or a number of requests has come, then waits for the last
    /// replies.
    /// \return how many batches came back
    std::uint64_t run(std::size_t under_way, Clock::time_point end) {
        constexpr std::chrono::seconds patience{20};
        std::uint64_t done = 0;
        auto last = Clock::now();  // that something came
        std::array<epoll_event, 256> events{};
        while (under_way > 0) {
            const auto asked = Clock::now();
            int count = ::epoll_wait(epoll_, events.data(), events.size(), 0);
            if (count == 0) {
                if (!options_.spin)
                    count = ::epoll_wait(epoll_, events.data(), events.size(),
                                         static_cast<int>(std::chrono::milliseconds(patience).count()));
                const auto answered = Clock::now();
                waited_ += answered - asked;
                if (count == 0 && answered - last > patience)
                    throw std::runtime_error("no reply for 20 seconds");
            }
            if (count < 0)
                fail("epoll_wait");
            if (count > 0)
                last = asked;
            for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
                auto& client = *static_cast<Client*>(events[i].data.ptr);
                if (!client.go_on())
                    continue;
                ++done;
                const auto now = Clock::now();
                latencies_.add(now - client.started());
                if (options_.connect_per_request)
                    client.disconnect();
                const std::uint64_t sure = (done + under_way - 1) * options_.depth;
                if ((options_.requests > 0 && sure >= options_.requests) || now >= end)
                    --under_way;
                else
                    client.start(now);
            }
        }
        return done;
    }

    const Options& options_;
    const int epoll_;
    std::vector<std::unique_ptr<Client>> clients_;
    LatencyHistogram latencies_;
    Clock::duration waited_{};
};

template <class Number>
Number number(std::string_view text, Number least) {
    Number value{};
    const auto [end, reason] = std::from_chars(text.begin(), text.end(), value);
    if (reason != std::errc{} || end != text.end() || value < least)
        throw std::invalid_argument("not a number, or too small: " + std::string(text));
    return value;
}

Options parse(int argc, char* argv[]) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        const auto value = [&]() -> std::string_view {
            if (++i == argc)
                throw std::invalid_argument(std::string(name) + " needs a value");
            return argv[i];
        };
        constexpr std::size_t shortest_line = 12;
        if (name == "--port")
            options.port = number<std::uint16_t>(value(), 1);
        else if (name == "--connections")
            options.connections = number<std::size_t>(value(), 1);
        else if (name == "--seconds")
            options.seconds = number<double>(value(), 0);
        else if (name == "--requests")
            options.requests = number<std::uint64_t>(value(), 1);
        else if (name == "--size")
            options.size = number<std::size_t>(value(), shortest_line);
        else if (name == "--depth")
            options.depth = number<std::size_t>(value(), 1);
        else if (name == "--connect-per-request")
            options.connect_per_request = true;
        else if (name == "--spin")
            options.spin = true;
        else if (name == "--udp")
            options.udp = true;
        else if (name == "--idle") {
            options.connections = number<std::size_t>(value(), 1);
            options.idle = true;
        } else if (name == "--cpu")
            options.cpu = number<int>(value(), 0);
        else
            throw std::invalid_argument("unknown: " + std::string(name));
    }
    if (options.port == 0)
        throw std::invalid_argument("--port is missing");
    if (options.udp && (options.depth > 1 || options.connect_per_request))
        throw std::invalid_argument("--udp goes with neither --depth nor --connect-per-request");
    return options;
}

void prepare(const Options& options) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    if (options.cpu >= 0) {
        cpu_set_t processors;
        CPU_ZERO(&processors);
        CPU_SET(static_cast<std::size_t>(options.cpu), &processors);
        if (::sched_setaffinity(0, sizeof processors, &processors) != 0)
            fail("sched_setaffinity");
    }
}

double seconds_of(const LatencyHistogram& latencies, double part) {
    return std::chrono::duration<double>(latencies.quantile(part)).count();
}

}  // namespace

int main(int argc, char* argv[]) {
    try {
        const Options options = parse(argc, argv);
        prepare(options);
        Load load(options);
        std::cout << "ready" << std::endl;  // NOLINT(performance-avoid-endl)
        std::string line;
        if (!options.idle && std::getline(std::cin, line)) {
            const auto begin = Clock::now();
            const auto waited = load.waited();
            const std::uint64_t requests = load.run_all();
            const std::chrono::duration<double> taken = Clock::now() - begin;
            const std::chrono::duration<double> busy = taken - (load.waited() - waited);
            constexpr double median = 0.5;
            constexpr double nearly_all = 0.99;
            std::cout << requests << ' ' << taken.count() << ' ' << busy.count() << ' '
                      << seconds_of(load.latencies(), median) << ' ' << seconds_of(load.latencies(), nearly_all)
                      << std::endl;  // NOLINT(performance-avoid-endl)
        }
        while (std::getline(std::cin, line)) {
        }
    } catch (const std::invalid_argument& mistake) {
        std::cerr << usage << "\nload: " << mistake.what() << '\n';
        return 2;
    } catch (const std::exception& failure) {
        std::cerr << "load: " << failure.what() << '\n';
        return 1;
    }
}
