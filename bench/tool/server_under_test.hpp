#pragma once

/// \file
/// A server while it is measured.

#include "child.hpp"
#include "plan.hpp"
#include "settings.hpp"

#include <socketserver/os/signals.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace socketserver::bench {

/// The first argument that makes a benchmark program a server: what follows is the handler's number, then the command line of
/// run_server().
inline constexpr const char* as_server = "--as-server-of-a-benchmark";
/// The first argument that makes it the clients: what follows is the handler's number and a LoadSpec.
inline constexpr const char* as_clients = "--as-clients-of-a-benchmark";

/// A running server, ours or somebody else's.
///
/// Ours are this program, run again (/proc/self/exe), so that they share no memory and no threads with whoever measures.
///
/// Owns: its process. Thread: one at a time.
class ServerUnderTest {
public:
    /// Starts it and waits until it can be reached.
    /// \throw Interrupted
    /// \throw std::runtime_error, naming it, if it cannot
    ServerUnderTest(const Cell& cell, const Settings& settings, const SignalFd& signals);

    /// Where it listens, on 127.0.0.1.
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// The process.
    [[nodiscard]] Child& process() noexcept { return *process_; }
    /// \throw std::runtime_error with what it has said, if it has ended
    void check_alive() const;
    /// What all its processes have used so far, in seconds, without children that have ended.
    [[nodiscard]] double cpu_seconds() const;
    /// Whether children that have ended are part of what a request costs: then their time is known only at the end, for all
    /// requests there were together.
    [[nodiscard]] bool children_come_and_go() const noexcept { return children_come_and_go_; }

private:
    std::unique_ptr<Child> process_;
    std::uint16_t port_ = 0;
    const bool datagrams_;
    const bool children_come_and_go_;
};

}  // namespace socketserver::bench
