#include "server_under_test.hpp"

#include <socketserver/os/deadline.hpp>
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

// How long one of ours may take to begin, or to end once its sockets are closed.
constexpr std::chrono::seconds patience{10};
// A server tells nobody when it is ready, and nobody when it is going: milliseconds until the next look.
constexpr int nap = 10;

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

/// Tries to connect.
/// \return 0 or an error; EINPROGRESS where the server lets it wait
int knock(std::uint16_t port) {
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in address = loopback(port);
    socklen_t size = sizeof address;
    if (!socket)
        return errno;
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
        pollfd descriptor{socket.get(), POLLOUT, 0};
        int error = errno;
        socklen_t error_size = sizeof error;
        if (error != EINPROGRESS || ::poll(&descriptor, 1, nap) == 0)
            return error;
        if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &error_size) != 0 || error != 0)
            return error;
    }
    // Where nobody listens, a socket that is given this very port connects to itself.
    const bool itself = ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
                        address.sin_port == htons(port);
    return itself ? ECONNREFUSED : 0;
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
    if (!datagrams || settings.datagrams_take_arguments)
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
    : datagrams_(cell.shape == Shape::udp),
      children_come_and_go_((cell.shape == Shape::connect || cell.shape == Shape::udp) &&
                            (cell.subject.outside() || cell.subject.name == "forking")) {
    const Deadline deadline = Deadline::after(cell.subject.outside() ? settings.patience : patience);
    if (!cell.subject.outside()) {
        process_ =
            std::make_unique<Child>("the server", own_command(cell, settings), settings.server_processors, signals);
        port_ = port_in(process_->read_line(deadline));
        return;
    }
    port_ = free_port();
    const std::string command = with_port(cell.subject.command, port_);
    process_ = std::make_unique<Child>(cell.subject.name, std::vector<std::string>{"/bin/sh", "-c", "exec " + command},
                                       settings.server_processors, signals, Child::Output::dropped);
    while (knock(port_) != 0) {
        if (process_->has_ended())
            throw std::runtime_error("'" + command + "' has ended: " + process_->complaint());
        if (deadline.expired())
            throw std::runtime_error("'" + command + "' cannot be reached at 127.0.0.1:" + std::to_string(port_) +
                                     " after " + seconds_text(settings.patience) + " s (--patience)");
        if (signals.take())
            throw Interrupted();
        ::poll(nullptr, 0, nap);
    }
}

void ServerUnderTest::check_alive() const {
    // Its sockets close some time before it has ended, so who is refused waits for that.
    const Deadline deadline = Deadline::after(patience);
    while (!process_->has_ended()) {
        if (datagrams_ || knock(port_) != ECONNREFUSED)
            return;
        if (deadline.expired())
            throw std::runtime_error("the server does not listen any more");
        ::poll(nullptr, 0, nap);
    }
    throw std::runtime_error("the server has ended: " + process_->complaint());
}

double ServerUnderTest::cpu_seconds() const {
    return children_come_and_go_ ? bench::cpu_seconds(process_->pid()) : cpu_seconds_of_tree(process_->pid());
}

}  // namespace socketserver::bench
