#include "client.hpp"
#include "crew.hpp"
#include "dialogue.hpp"

#include "programs/listener.hpp"
#include "support/case_guard.hpp"

#include <socketserver/os/unique_fd.hpp>

#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>

namespace socketserver::test {

using namespace bench;
using namespace std::chrono_literals;

namespace {

/// Clients of somebody who takes connections and never answers.
LoadSpec spec_of(const Listener& silent, std::size_t connections) {
    LoadSpec spec{};
    spec.port = static_cast<std::uint16_t>(std::stoi(silent.port()));
    spec.connections = connections;
    spec.spin = false;
    spec.patience = 300ms;
    return spec;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bench_crew, CaseGuard)

// It takes longer to make the request than the run lasts: until that has ended nobody waits.
BOOST_AUTO_TEST_CASE(waiting_for_replies_that_never_come_is_no_idleness) {
    const Listener silent;
    const LoadSpec spec = spec_of(silent, 1);
    BenchDialogue dialogue = complete({});
    dialogue.request = [](std::uint64_t) {
        std::this_thread::sleep_for(50ms);
        return std::string("request\n");
    };
    const LoadResult result = Crew(spec, dialogue, 0, 1).run(10ms, std::nullopt);
    BOOST_TEST(result.requests == 0U);
    BOOST_TEST(result.errors == 1U);
    BOOST_TEST((result.elapsed == 10ms));
    BOOST_TEST(result.busy == 1);
}

// Without them, who answers one request and no more would look fast.
BOOST_AUTO_TEST_CASE(an_open_loop_counts_the_time_of_requests_that_it_gives_up) {
    const Listener silent;
    LoadSpec spec = spec_of(silent, 2);
    spec.depth = 3;
    const BenchDialogue dialogue = complete({});
    spec.patience = 1h;
    // Two batches are sent, eight cannot be.
    const LoadResult all_wait = Crew(spec, dialogue, 0, 2).run(10ms, 3000.0);
    BOOST_TEST(all_wait.requests == 0U);
    BOOST_TEST(all_wait.errors == 30U);
    BOOST_TEST(all_wait.latencies.count() == 30U);
    BOOST_TEST((all_wait.latencies.quantile(0) >= 1s));
    // Clients lose patience, and send the next ones.
    spec.patience = 300ms;
    const LoadResult some_are_late = Crew(spec, dialogue, 0, 2).run(10ms, 3000.0);
    BOOST_TEST(some_are_late.errors == 30U);
    BOOST_TEST(some_are_late.latencies.count() == 30U);
    BOOST_TEST((some_are_late.latencies.quantile(0) >= 300ms));
}

BOOST_AUTO_TEST_CASE(a_closed_loop_counts_the_time_of_answers_only) {
    const Listener silent;
    const LoadSpec spec = spec_of(silent, 2);
    const BenchDialogue dialogue = complete({});
    const LoadResult result = Crew(spec, dialogue, 0, 2).run(10ms, std::nullopt);
    BOOST_TEST(result.errors >= 2U);
    BOOST_TEST(result.latencies.count() == 0U);
}

// One address has ports for some 28,000 connections.
BOOST_AUTO_TEST_CASE(clients_come_from_many_addresses) {
    const UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    const BenchDialogue dialogue = complete({});
    for (const Shape shape : {Shape::keepalive, Shape::pipelined, Shape::connect, Shape::idle}) {
        const Listener silent;
        LoadSpec spec = spec_of(silent, 2);
        spec.shape = shape;
        for (const std::uint32_t number : {0U, 1U}) {
            bench::Client client(spec, dialogue, epoll.get(), number);
            BOOST_REQUIRE((client.begin(Clock::now()) == bench::Client::Outcome::waits));
            sockaddr_in peer{};
            socklen_t size = sizeof peer;
            const UniqueFd accepted(::accept(silent.fd(), reinterpret_cast<sockaddr*>(&peer), &size));
            BOOST_REQUIRE(accepted);
            BOOST_TEST(ntohl(peer.sin_addr.s_addr) == INADDR_LOOPBACK + number, to_string(shape));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
