#pragma once

/// \file
/// The clients of one thread, and the two ways in which they make requests.

#include "client.hpp"
#include "load.hpp"

#include <socketserver/bench_main.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace socketserver::bench {

/// Clients that make requests in turn.
///
/// *Closed loop*: each sends when it has its reply, so the server is asked as fast as it answers. *Open loop*: requests are due
/// at a fixed rate, whatever the replies do; one that finds all clients waiting is sent by the first to be free, and its
/// latency counts from when it was due all the same. So a server that stalls is charged for what it kept from being sent. One
/// that is given up, or is never sent, counts as an error, and with the time that it has taken by then among the latencies.
///
/// Waiting for replies is not work: what is spent in looking for them in vain counts as idle.
///
/// Owns: the clients. Thread: one at a time.
class Crew {
public:
    /// \param spec what to do; must outlive this object
    /// \param dialogue what to say; complete; must outlive this object
    /// \param first number of the first client
    /// \param count how many there are
    Crew(const LoadSpec& spec, const BenchDialogue& dialogue, std::uint32_t first, std::size_t count);

    /// Has each client served once.
    /// \throw std::runtime_error that says how many were, if one is not
    /// \throw WrongReply
    void connect();

    /// Makes requests.
    /// \param time for how long; then the last replies are waited for
    /// \param rate requests due per second, for an open loop; none: a closed loop
    /// \throw WrongReply
    [[nodiscard]] LoadResult run(std::chrono::nanoseconds time, std::optional<double> rate);

private:
    struct Run;

    [[nodiscard]] unsigned tries() const;
    void start(Run& run, Client& client, Clock::time_point since);
    void note(Run& run, Client& client, Client::Outcome outcome);
    void give_up_late(Run& run, Clock::time_point now, Clock::duration patience);
    void give_up_unsent(Run& run, Clock::time_point now);
    static void charge(Run& run, Clock::duration latency, std::size_t requests);
    [[nodiscard]] bool send_due(Run& run);
    void take_events(Run& run, Clock::time_point until);

    const LoadSpec& spec_;
    UniqueFd epoll_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::deque<Client*> free_;  // those that wait for nothing, who has waited longest first
};

}  // namespace socketserver::bench
