#include "crew.hpp"

#include <socketserver/os/error.hpp>

#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>

namespace socketserver::bench {

namespace {

// How often it is looked whether a reply is late.
constexpr std::chrono::milliseconds glance{50};

timespec to_timespec(Clock::duration span) {
    const auto nanoseconds = std::max<std::chrono::nanoseconds::rep>(span.count(), 0);
    return {nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
}

}  // namespace

/// What happens in one run.
struct Crew::Run {
    Clock::time_point start = Clock::now();
    Clock::time_point end;       // of the time in which requests are due
    std::optional<double> rate;  // per second, of batches
    std::uint64_t batches = 0;   // begun
    Clock::time_point last_answer = start;
    Clock::time_point next_glance;
    Clock::duration waited{0};
    Clock::duration in_vain{0};  // of that, after the last answer and the end
    std::uint64_t hopeless = 0;  // as many errors, and nothing else
    LoadResult result;

    /// When the next batch is due, in an open loop.
    [[nodiscard]] Clock::time_point due() const {
        const std::chrono::duration<double> offset(static_cast<double>(batches) / *rate);
        return start + std::chrono::duration_cast<Clock::duration>(offset);
    }
    /// Whether no more batches are due, now or later.
    /// A closed loop goes on until there was a reply, however late the machine lets it begin, or there is no hope of one.
    [[nodiscard]] bool all_begun(Clock::time_point now) const {
        return rate ? due() >= end : now >= end && (result.requests > 0 || result.errors >= hopeless);
    }
};

Crew::Crew(const LoadSpec& spec, const BenchDialogue& dialogue, std::uint32_t first, std::size_t count)
    : spec_(spec), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_)
        throw_errno(errno, "epoll_create1");
    clients_.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        const auto number = first + static_cast<std::uint32_t>(i);
        clients_.push_back(std::make_unique<Client>(spec_, dialogue, epoll_.get(), number));
        free_.push_back(clients_.back().get());
    }
}

void Crew::connect() {
    // A few at a time, so that the server's queue of connections does not overflow; a few may have to try again.
    constexpr std::size_t at_a_time = 16;
    const std::size_t most_mistakes = 8 + clients_.size() / 16;
    const Clock::duration longest_silence = spec_.patience * (1 + tries());
    Run run;
    free_.clear();
    std::size_t begun = 0;
    std::uint64_t mistakes = 0;
    while (free_.size() < clients_.size()) {
        const auto now = Clock::now();
        while (begun - free_.size() < at_a_time && begun < clients_.size())
            start(run, *clients_[begun++], now);
        take_events(run, now + glance);
        give_up_late(run, now, spec_.patience);
        if (run.result.errors == mistakes)
            continue;
        mistakes = run.result.errors;
        if (mistakes > most_mistakes * spec_.depth || now - run.last_answer > longest_silence)
            throw std::runtime_error("only " + std::to_string(run.result.requests / spec_.depth) + " of " +
                                     std::to_string(clients_.size()) +
                                     " clients were served: " + run.result.first_error);
        const auto lost = std::stable_partition(free_.begin(), free_.end(),
                                                [](const Client* client) { return client->unanswered() == 0; });
        const std::vector<Client*> again(lost, free_.end());
        free_.erase(lost, free_.end());
        for (Client* const client : again)
            start(run, *client, now);
    }
}

/// How often a client without a reply asks again, if all are. A datagram may be lost, or come late; who leaves everybody on a
/// connection without a reply will not give one.
unsigned Crew::tries() const {
    constexpr unsigned some = 10;
    return spec_.shape == Shape::udp ? some : 1;
}

LoadResult Crew::run(std::chrono::nanoseconds time, std::optional<double> rate) {
    // Late in an open loop are also those that could not be sent.
    const auto most = std::max<Clock::duration>(time, std::chrono::seconds{1});
    Run run;
    run.end = run.start + time;
    run.hopeless = tries() * clients_.size() * spec_.depth;
    if (rate)
        run.rate = *rate / static_cast<double>(spec_.depth);
    for (;;) {
        const bool more = send_due(run);
        const auto now = Clock::now();
        if (free_.size() == clients_.size() && run.all_begun(now))
            break;
        if (rate && now > run.end + most) {
            give_up_late(run, now, Clock::duration::zero());
            give_up_unsent(run, now);
            break;
        }
        if (now >= run.next_glance) {
            give_up_late(run, now, spec_.patience);
            run.next_glance = now + glance;
        }
        take_events(run, more ? std::min(run.due(), now + glance) : now + glance);
    }
    // Waiting for replies that never came is no time in which requests could be answered, or clients could work.
    run.result.elapsed = std::max(run.last_answer, run.end) - run.start;
    const std::chrono::duration<double> waited = run.waited - run.in_vain;
    run.result.busy = std::clamp(1 - waited / run.result.elapsed, 0.0, 1.0);
    return std::move(run.result);
}

/// Begins what is due, as far as there are free clients.
/// \return whether a batch is due at a later time, and a client is free for it
bool Crew::send_due(Run& run) {
    // Who is lost at once is free again: not in this round.
    for (std::size_t tries = free_.size(); tries > 0; --tries) {
        const auto now = Clock::now();
        const auto since = run.rate ? run.due() : now;
        if (run.all_begun(now))
            return false;
        if (since > now)
            return true;
        Client& client = *free_.front();
        free_.pop_front();
        ++run.batches;
        start(run, client, since);
    }
    return false;
}

void Crew::start(Run& run, Client& client, Clock::time_point since) {
    note(run, client, client.begin(since));
}

void Crew::note(Run& run, Client& client, Client::Outcome outcome) {
    if (outcome == Client::Outcome::waits)
        return;
    const std::size_t unanswered = client.unanswered();
    run.result.requests += spec_.depth - unanswered;
    if (outcome == Client::Outcome::lost) {
        run.result.errors += unanswered;
        if (run.result.first_error.empty())
            run.result.first_error = client.error();
    } else {
        run.last_answer = Clock::now();
        run.in_vain = Clock::duration::zero();
        if (spec_.shape == Shape::connect)
            client.disconnect();
    }
    free_.push_back(&client);
}

void Crew::give_up_late(Run& run, Clock::time_point now, Clock::duration patience) {
    for (const auto& client : clients_) {
        if (!client->waits() || now - client->began() < patience)
            continue;
        charge(run, now - client->since(), client->unanswered());
        note(run, *client, client->lose("no reply in time"));
    }
}

/// Gives up what was due, and found no free client.
void Crew::give_up_unsent(Run& run, Clock::time_point now) {
    for (; !run.all_begun(now); ++run.batches) {
        charge(run, now - run.due(), spec_.depth);
        run.result.errors += spec_.depth;
        if (run.result.first_error.empty())
            run.result.first_error = "requests that were due could not be sent, since replies did not come";
    }
}

/// Counts requests that are given up: in an open loop latencies without them would tell of the best alone.
void Crew::charge(Run& run, Clock::duration latency, std::size_t requests) {
    for (; run.rate && requests > 0; --requests)
        run.result.latencies.add(latency);
}

/// Goes on with the clients that have something to do; waits for one, at most until a time.
void Crew::take_events(Run& run, Clock::time_point until) {
    std::array<epoll_event, 256> events{};
    const auto asked = Clock::now();
    int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 0);
    if (count == 0) {
        if (!spec_.spin) {
            pollfd descriptor{epoll_.get(), POLLIN, 0};
            const timespec time = to_timespec(until - asked);
            ::ppoll(&descriptor, 1, &time, nullptr);  // looked at above, the next time
        }
        const auto now = Clock::now();
        run.waited += now - asked;
        run.in_vain += std::max(now - std::max(asked, run.end), Clock::duration::zero());
    }
    if (count < 0 && errno != EINTR)
        throw_errno(errno, "epoll_wait");
    for (int i = 0; i < count; ++i) {
        auto& client = *static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (client.waits())
            note(run, client, client.go_on(run.result.latencies));
    }
}

}  // namespace socketserver::bench
