#include "server_under_test.hpp"

#include <socketserver/os/error.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <stdexcept>

namespace socketserver::bench {

namespace {

constexpr std::chrono::seconds patience{10};

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

std::uint16_t free_port() {
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (!socket || ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw_errno(errno, "bind");
    return ntohs(address.sin_port);
}

bool answers(std::uint16_t port) {
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(port);
    return socket && ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

std::vector<std::string> own_command(const Cell& cell, const Settings& settings) {
    const std::string& mode = cell.subject.name;
    const bool datagrams = cell.shape == Shape::udp;
    const bool stay = !datagrams && cell.shape != Shape::connect;
    std::vector<std::string> words{"/proc/self/exe", as_server, std::to_string(settings.handler), "--mode", mode};
    words.insert(words.end(), {"--port", "0", "--quiet"});
    const auto add = [&words](const std::string& name, std::size_t value) {
        words.push_back("--" + name);
        words.push_back(std::to_string(value));
    };
    if (datagrams)
        words.emplace_back("--udp");
    else
        add("timeout", 0);
    constexpr std::size_t spare = 16;
    if (mode == "thread-pool") {
        // One that is kept busy by each connection that stays.
        if (stay)
            add("workers", cell.connections);
    } else if (mode != "blocking") {
        add("max-connections", cell.connections + spare);
    }
    if (mode == "preforking")
        add("workers", settings.server_processors.size());
    words.insert(words.end(), settings.handler_arguments.begin(), settings.handler_arguments.end());
    return words;
}

/// "PROGRAM: listening on tcp 127.0.0.1:21567 (selecting)"
std::uint16_t port_in(const std::string& line) {
    const auto colon = line.rfind(':');
    std::uint16_t port = 0;
    if (colon != std::string::npos)
        std::from_chars(line.data() + colon + 1, line.data() + line.size(), port);
    if (port == 0)
        throw std::runtime_error("the server said '" + line + "'");
    return port;
}

std::string with_port(std::string command, std::uint16_t port) {
    const std::string number = std::to_string(port);
    for (auto at = command.find("PORT"); at != std::string::npos; at = command.find("PORT", at + number.size()))
        command.replace(at, 4, number);
    return command;
}

}  // namespace

ServerUnderTest::ServerUnderTest(const Cell& cell, const Settings& settings, const SignalFd& signals)
    : children_come_and_go_((cell.shape == Shape::connect || cell.shape == Shape::udp) &&
                            (cell.subject.outside() || cell.subject.name == "forking")) {
    const Deadline deadline = Deadline::after(patience);
    if (!cell.subject.outside()) {
        process_ =
            std::make_unique<Child>("the server", own_command(cell, settings), settings.server_processors, signals);
        port_ = port_in(process_->read_line(deadline));
        return;
    }
    port_ = free_port();
    const std::string command = with_port(cell.subject.command, port_);
    process_ = std::make_unique<Child>(cell.subject.name, std::vector<std::string>{"/bin/sh", "-c", "exec " + command},
                                       settings.server_processors, signals);
    while (!answers(port_)) {
        if (process_->has_ended())
            throw std::runtime_error("'" + command + "' has ended: " + process_->complaint());
        if (deadline.expired())
            throw std::runtime_error("'" + command + "' cannot be reached at 127.0.0.1:" + std::to_string(port_) +
                                     " after " + std::to_string(patience.count()) + " s");
        if (signals.take())
            throw Interrupted();
        ::poll(nullptr, 0, 10);  // it tells nobody when it is ready
    }
}

double ServerUnderTest::cpu_seconds() const {
    return children_come_and_go_ ? bench::cpu_seconds(process_->pid()) : cpu_seconds_of_tree(process_->pid());
}

}  // namespace socketserver::bench
