#pragma once

/// \file
/// One client of a server under load.

#include "load.hpp"

#include <socketserver/bench_main.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace socketserver::bench {

/// The clock of all measurements.
using Clock = std::chrono::steady_clock;

/// A client: sends a batch of requests and checks what comes back. Never waits; an epoll(7) descriptor tells, edge-triggered,
/// when to go on.
///
/// Owns: its connection. Refers to the rest. Thread: one at a time.
class Client {
public:
    /// What has come of a step.
    enum class Outcome {
        waits,     ///< replies are still to come, or there was nothing to do
        answered,  ///< the last reply of the batch has come
        lost       ///< the connection is gone, and with it the unanswered() part of the batch; error() says why
    };

    /// \param spec what clients do
    /// \param dialogue what they say; complete
    /// \param epoll is told of the connection, with this object's address
    /// \param number of the client, different from that of all others
    Client(const LoadSpec& spec, const BenchDialogue& dialogue, int epoll, std::uint32_t number);
    ~Client() = default;
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// Sends the next batch, on the connection that there is or else a new one.
    /// \param since what latencies count from
    Outcome begin(Clock::time_point since);

    /// Goes on after an event.
    /// \param latencies gets that of each reply
    /// \throw WrongReply
    Outcome go_on(LatencyHistogram& latencies);

    /// Gives up the batch and its connection.
    /// \return lost
    Outcome lose(std::string why);

    /// Closes the connection.
    void disconnect() { fd_.reset(); }

    /// Whether replies are to come.
    [[nodiscard]] bool waits() const noexcept { return waits_; }
    /// What latencies of the last batch count from.
    [[nodiscard]] Clock::time_point since() const noexcept { return since_; }
    /// When the last batch was sent.
    [[nodiscard]] Clock::time_point began() const noexcept { return began_; }
    /// How many requests of the last batch have no reply.
    [[nodiscard]] std::size_t unanswered() const noexcept { return ends_.size() - answered_; }
    /// Why it was lost.
    [[nodiscard]] const std::string& error() const noexcept { return error_; }

private:
    Outcome connect();
    Outcome send();
    Outcome receive(LatencyHistogram& latencies);
    std::string_view take_replies(std::string_view bytes, LatencyHistogram& latencies);
    [[nodiscard]] std::string_view request(std::size_t which) const;
    [[nodiscard]] bool datagrams() const noexcept { return spec_.shape == Shape::udp; }

    const LoadSpec& spec_;
    const BenchDialogue& dialogue_;
    const int epoll_;
    const std::uint32_t number_;
    std::uint32_t requests_ = 0;  // made so far
    std::uint32_t connects_ = 0;
    UniqueFd fd_;
    Clock::time_point since_;
    Clock::time_point began_;
    std::string batch_;
    std::vector<std::size_t> ends_;  // of the requests in the batch
    std::size_t sent_ = 0;           // bytes
    std::size_t answered_ = 0;       // requests
    std::string rest_;               // the beginning of a reply
    std::string error_;
    bool waits_ = false;
};

}  // namespace socketserver::bench
