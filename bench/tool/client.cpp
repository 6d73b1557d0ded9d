#include "client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace socketserver::bench {

namespace {

// A reply that is longer is none that anybody waits for.
constexpr std::size_t longest_reply = std::size_t{64} << 20U;

std::string what(const char* call, int error) {
    return std::string(call) + ": " + std::generic_category().message(error);
}

/// Bytes for a message: the beginning of them, what cannot be printed as '?'.
std::string shown(std::string_view bytes) {
    constexpr std::size_t enough = 60;
    std::string text = "'";
    for (const char byte : bytes.substr(0, enough))
        text += byte >= ' ' && byte <= '~' ? byte : '?';
    return text + (bytes.size() > enough ? "...'" : "'");
}

}  // namespace

Client::Client(const LoadSpec& spec, const BenchDialogue& dialogue, int epoll, std::uint32_t number)
    : spec_(spec), dialogue_(dialogue), epoll_(epoll), number_(number), ends_(spec.depth) {}

Client::Outcome Client::begin(Clock::time_point since) {
    since_ = since;
    began_ = Clock::now();
    answered_ = 0;
    batch_.clear();
    for (std::size_t& end : ends_) {
        batch_ += dialogue_.request(std::uint64_t{number_} << 32U | requests_++);
        end = batch_.size();
    }
    sent_ = 0;
    waits_ = true;
    if (!fd_ && connect() == Outcome::lost)
        return Outcome::lost;
    return send();
}

Client::Outcome Client::go_on(LatencyHistogram& latencies) {
    if (!waits_)
        return Outcome::waits;
    if (sent_ < batch_.size() && send() == Outcome::lost)
        return Outcome::lost;
    return receive(latencies);
}

Client::Outcome Client::lose(std::string why) {
    waits_ = false;
    error_ = std::move(why);
    rest_.clear();
    disconnect();
    return Outcome::lost;
}

Client::Outcome Client::connect() {
    fd_.reset(::socket(AF_INET, (datagrams() ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd_)
        return lose(what("socket", errno));
    const int on = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    if (!datagrams())
        ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // a hint
    // An address has some 28,000 ports, and closed connections keep theirs for a while: many addresses have many ports.
    constexpr std::uint32_t addresses = 200;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (number_ + connects_++) % addresses);
    ::setsockopt(fd_.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        return lose(what("bind", errno));
    address.sin_port = htons(spec_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = this;
    if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS)
        return lose(what("connect", errno));
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_.get(), &event) != 0)
        return lose(what("epoll_ctl", errno));
    return Outcome::waits;
}

Client::Outcome Client::send() {
    while (sent_ < batch_.size()) {
        // Each datagram by itself; of a stream all that goes.
        const std::size_t end = datagrams() ? *std::upper_bound(ends_.begin(), ends_.end(), sent_) : batch_.size();
        const ssize_t count = ::send(fd_.get(), &batch_[sent_], end - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0)
            return errno == EAGAIN || errno == EINTR ? Outcome::waits : lose(what("send", errno));
        sent_ += static_cast<std::size_t>(count);
    }
    return Outcome::waits;
}

Client::Outcome Client::receive(LatencyHistogram& latencies) {
    thread_local std::array<char, 65536> input;
    for (;;) {
        const ssize_t count = ::recv(fd_.get(), input.data(), input.size(), MSG_DONTWAIT);
        if (count < 0)
            return errno == EAGAIN || errno == EINTR ? Outcome::waits : lose(what("recv", errno));
        if (count == 0 && !datagrams())
            return lose("the server closed the connection before its reply was whole");
        const std::string_view came(input.data(), static_cast<std::size_t>(count));
        if (rest_.empty()) {
            rest_ = take_replies(came, latencies);
        } else {
            rest_ += came;
            rest_ = std::string(take_replies(rest_, latencies));
        }
        if (answered_ == ends_.size()) {
            if (!rest_.empty())
                throw WrongReply("more came than the reply to " + shown(request(answered_ - 1)) + ": " + shown(rest_));
            waits_ = false;
            return Outcome::answered;
        }
        if (rest_.size() > longest_reply)
            throw WrongReply("a reply does not end: " + shown(rest_));
        // Of a stream this was all; the next edge tells of more. Each datagram is read by itself.
        if (!datagrams() && came.size() < input.size())
            return Outcome::waits;
    }
}

std::string_view Client::take_replies(std::string_view bytes, LatencyHistogram& latencies) {
    const auto now = Clock::now();
    bool datagram = datagrams();
    while (answered_ < ends_.size() && (!bytes.empty() || datagram)) {
        const auto reply = dialogue_.reply(request(answered_), bytes);
        if (reply.is_error())
            throw WrongReply(reply.error() + ": the reply to " + shown(request(answered_)) + " is " + shown(bytes));
        if (reply.is_incomplete()) {
            if (datagrams())
                throw WrongReply("the reply to " + shown(request(answered_)) + " is cut off: " + shown(bytes));
            break;
        }
        bytes.remove_prefix(std::min(reply.consumed(), bytes.size()));
        latencies.add(now - since_);
        ++answered_;
        datagram = false;
    }
    return bytes;
}

std::string_view Client::request(std::size_t which) const {
    const std::size_t begin = which == 0 ? 0 : ends_[which - 1];
    return std::string_view(batch_).substr(begin, ends_[which] - begin);
}

}  // namespace socketserver::bench
