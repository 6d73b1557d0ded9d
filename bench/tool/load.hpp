#pragma once

/// \file
/// What clients are to do, and what they saw.

#include "latency_histogram.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace socketserver::bench {

/// How requests are made.
enum class Shape {
    keepalive,  ///< connections stay, a request at a time on each
    pipelined,  ///< several requests are sent together
    connect,    ///< a new connection for each request
    udp,        ///< datagrams
    idle        ///< connections are served once and wait
};

/// A shape as the command line and results.json name it.
[[nodiscard]] std::string to_string(Shape shape);
/// The shape of that name, or nothing.
[[nodiscard]] std::optional<Shape> parse_shape(const std::string& name);
/// All of them, in the order of the table.
inline constexpr Shape all_shapes[] = {Shape::keepalive, Shape::pipelined, Shape::connect, Shape::udp, Shape::idle};

/// The clients of one run. A value.
struct LoadSpec {
    std::uint16_t port = 0;             ///< of the server, on 127.0.0.1
    Shape shape = Shape::keepalive;     ///< how they ask
    std::size_t connections = 1;        ///< how many at a time, over all threads
    std::size_t depth = 1;              ///< requests sent together
    std::vector<int> processors = {};   ///< a thread on each; empty: one thread, anywhere
    bool spin = true;                   ///< look for replies again and again instead of sleeping
    std::chrono::nanoseconds patience;  ///< how long a reply may take until it counts as lost
};

/// What clients saw in one run. A value.
struct LoadResult {
    std::uint64_t requests = 0;           ///< answered rightly
    std::uint64_t errors = 0;             ///< not answered: connections refused or lost, no reply in time
    std::chrono::nanoseconds elapsed{0};  ///< from the first request to the last reply, the time asked for at least
    double busy = 0;                      ///< the share of that time in which the clients worked
    LatencyHistogram latencies;           ///< of the requests answered; in an open loop also of those given up
    std::string first_error;              ///< what the first error was; "" without one
};

/// A reply that fails its check: nothing that is measured with it can be trusted.
class WrongReply : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace socketserver::bench
