#include "clients.hpp"

#include "time_factor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace socketserver::test {

using detail::ClientSocket;

ClientSocket& ClientSocket::operator=(ClientSocket&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = other.release();
    }
    return *this;
}

int ClientSocket::release() noexcept {
    return std::exchange(fd_, -1);
}

void ClientSocket::close() noexcept {
    if (fd_ >= 0)
        ::close(std::exchange(fd_, -1));
}

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds patience{10 * time_factor};

[[noreturn]] void fail(int error, const std::string& what) {
    throw std::system_error(error, std::system_category(), "test client: " + what);
}

/// Waits for events; true if they came in time.
bool wait_until(int fd, short events, Clock::time_point deadline) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        pollfd entry{fd, events, 0};
        const int ready = ::poll(&entry, 1, static_cast<int>(std::max<long>(0, left.count())));
        if (ready > 0)
            return true;
        if (ready == 0)
            return false;
        if (errno != EINTR)
            fail(errno, "poll");
    }
}

void await(int fd, short events, Clock::time_point deadline, const std::string& what) {
    if (!wait_until(fd, events, deadline))
        throw TimedOut("test client: " + what + " took longer than " + std::to_string(patience.count()) + " s");
}

void set_nonblocking(int fd) {
    if (::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
        fail(errno, "fcntl");
}

ClientSocket connect_internet(const std::string& host, std::uint16_t port, int type) {
    const std::string name = host + " port " + std::to_string(port);
    addrinfo hints{};
    hints.ai_socktype = type;
    addrinfo* list = nullptr;
    const int bad = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    if (bad != 0)
        throw std::runtime_error("test client: " + host + ": " + ::gai_strerror(bad));
    ClientSocket socket(::socket(list->ai_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    int error = socket.get() < 0 ? errno : 0;
    if (error == 0 && ::connect(socket.get(), list->ai_addr, list->ai_addrlen) != 0)
        error = errno;
    ::freeaddrinfo(list);
    if (error == EINPROGRESS || error == EINTR) {
        await(socket.get(), POLLOUT, Clock::now() + patience, "connecting to " + name);
        socklen_t size = sizeof error;
        if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0)
            error = errno;
    }
    if (error != 0)
        fail(error, "connecting to " + name);
    return socket;
}

ClientSocket connect_unix(const std::filesystem::path& path, int type, bool named) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string text = path.string();
    if (text.size() >= sizeof address.sun_path)
        fail(ENAMETOOLONG, "connecting to " + text);
    text.copy(address.sun_path, text.size());
    std::size_t size = offsetof(sockaddr_un, sun_path) + text.size();
    if (text.starts_with('@'))
        address.sun_path[0] = '\0';
    else
        ++size;

    ClientSocket socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    if (socket.get() < 0)
        fail(errno, "socket");
    const sockaddr family{AF_UNIX, {}};
    if (named && ::bind(socket.get(), &family, sizeof family.sa_family) != 0)
        fail(errno, "bind");
    // Without O_NONBLOCK, which would refuse at once where the server's queue is full.
    const timeval limit{patience.count(), 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)) != 0) {
        if (errno == EAGAIN)
            throw TimedOut("test client: connecting to " + text + " took too long");
        if (errno != EINTR)
            fail(errno, "connecting to " + text);
    }
    set_nonblocking(socket.get());
    return socket;
}

std::string name_of(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        fail(errno, "getsockname");
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.ss_family == AF_INET) {
        sockaddr_in ipv4{};
        std::memcpy(&ipv4, &address, sizeof ipv4);
        ::inet_ntop(AF_INET, &ipv4.sin_addr, text.data(), text.size());
        return std::string(text.data()) + ':' + std::to_string(ntohs(ipv4.sin_port));
    }
    if (address.ss_family == AF_INET6) {
        sockaddr_in6 ipv6{};
        std::memcpy(&ipv6, &address, sizeof ipv6);
        ::inet_ntop(AF_INET6, &ipv6.sin6_addr, text.data(), text.size());
        return '[' + std::string(text.data()) + "]:" + std::to_string(ntohs(ipv6.sin6_port));
    }
    sockaddr_un local{};
    std::memcpy(&local, &address, sizeof local);
    const std::size_t length = size - offsetof(sockaddr_un, sun_path);
    if (length == 0)
        return {};
    if (local.sun_path[0] == '\0')
        return '@' + std::string(local.sun_path + 1, length - 1);
    return {local.sun_path, ::strnlen(local.sun_path, length)};
}

/// send(2), waiting as long as the socket is full.
/// \return how much was sent
std::size_t send_some(int fd, std::string_view bytes, Clock::time_point deadline) {
    for (;;) {
        const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0)
            return static_cast<std::size_t>(sent);
        if (errno == EAGAIN)
            await(fd, POLLOUT, deadline, "sending");
        else if (errno != EINTR)
            fail(errno, "sending");
    }
}

/// recv(2), waiting as long as the socket is empty.
std::string receive_some(int fd, const std::string& what) {
    std::string bytes(65536, '\0');
    const auto deadline = Clock::now() + patience;
    for (;;) {
        const auto got = ::recv(fd, bytes.data(), bytes.size(), 0);
        if (got >= 0) {
            bytes.resize(static_cast<std::size_t>(got));
            return bytes;
        }
        if (errno == EAGAIN)
            await(fd, POLLIN, deadline, what);
        else if (errno != EINTR)
            fail(errno, what);
    }
}

/// What came before things went wrong, for a message.
std::string excerpt(const std::string& bytes) {
    return '"' + bytes.substr(0, 200) + (bytes.size() > 200 ? "...\"" : "\"");
}

}  // namespace

// ---- Client -----------------------------------------------------------------------------------------------

Client::Client(const std::string& host, std::uint16_t port) : socket_(connect_internet(host, port, SOCK_STREAM)) {}

Client::Client(const std::filesystem::path& path) : socket_(connect_unix(path, SOCK_STREAM, false)) {}

Client::Client(int fd) : socket_(fd) {
    set_nonblocking(fd);
}

void Client::send(std::string_view bytes) {
    const auto deadline = Clock::now() + patience;
    while (!bytes.empty())
        bytes.remove_prefix(send_some(socket_.get(), bytes, deadline));
}

bool Client::receive_more() {
    const std::string bytes = receive_some(socket_.get(), "receiving, after " + excerpt(unread_));
    unread_ += bytes;
    return !bytes.empty();
}

std::string Client::read_line() {
    std::size_t end = unread_.find('\n');
    while (end == std::string::npos) {
        const std::size_t searched = unread_.size();
        if (!receive_more())
            return std::exchange(unread_, {});
        end = unread_.find('\n', searched);
    }
    std::string line = unread_.substr(0, end + 1);
    unread_.erase(0, end + 1);
    return line;
}

std::string Client::read_exactly(std::size_t count) {
    while (unread_.size() < count) {
        if (!receive_more())
            throw std::runtime_error("test client: EOF after " + std::to_string(unread_.size()) + " of " +
                                     std::to_string(count) + " bytes: " + excerpt(unread_));
    }
    std::string bytes = unread_.substr(0, count);
    unread_.erase(0, count);
    return bytes;
}

std::string Client::read_some() {
    if (unread_.empty())
        receive_more();
    return std::exchange(unread_, {});
}

std::string Client::read_all() {
    while (receive_more()) {
    }
    return std::exchange(unread_, {});
}

bool Client::ends_by_reset() {
    try {
        while (receive_more())
            unread_.clear();
    } catch (const std::system_error& error) {
        if (error.code().value() == ECONNRESET)
            return true;
        throw;
    }
    return false;
}

bool Client::nothing_within(std::chrono::milliseconds span) {
    return unread_.empty() && !wait_until(socket_.get(), POLLIN, Clock::now() + span);
}

void Client::half_close() {
    if (::shutdown(socket_.get(), SHUT_WR) != 0)
        fail(errno, "shutdown");
}

void Client::reset() {
    const linger at_once{1, 0};
    if (::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0)
        fail(errno, "setsockopt");
    close();
}

void Client::close() {
    socket_.close();
    unread_.clear();
}

std::string Client::local_address() const {
    return name_of(socket_.get());
}

std::vector<Client> served_clients(int count, const std::function<Client()>& connect) {
    std::vector<Client> clients;
    for (int i = 0; i < count; ++i) {
        clients.push_back(connect());
        clients.back().send("line\n");
        if (const std::string got = clients.back().read_line(); got != "line\n")
            throw std::runtime_error("a client got \"" + got + "\" in place of its line");
    }
    return clients;
}

// ---- DatagramClient ---------------------------------------------------------------------------------------

DatagramClient::DatagramClient(const std::string& host, std::uint16_t port)
    : socket_(connect_internet(host, port, SOCK_DGRAM)) {}

DatagramClient::DatagramClient(const std::filesystem::path& path, Name name)
    : socket_(connect_unix(path, SOCK_DGRAM, name == Name::automatic)) {}

void DatagramClient::send(std::string_view bytes) {
    send_some(socket_.get(), bytes, Clock::now() + patience);
}

std::string DatagramClient::receive() {
    return receive_some(socket_.get(), "receiving a datagram");
}

bool DatagramClient::nothing_within(std::chrono::milliseconds span) {
    return !wait_until(socket_.get(), POLLIN, Clock::now() + span);
}

std::string DatagramClient::local_address() const {
    return name_of(socket_.get());
}

}  // namespace socketserver::test
