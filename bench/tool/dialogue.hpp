#pragma once

/// \file
/// What clients say to the handlers that everybody has.

#include <socketserver/bench_main.hpp>

#include <cstddef>

namespace socketserver::bench {

/// Completes a dialogue by what it says where it says nothing.
[[nodiscard]] BenchDialogue complete(BenchDialogue dialogue);

/// What is said to an echo service: a line, which must come back.
[[nodiscard]] BenchDialogue echo_dialogue();

/// What is said to a time service: a line, which must come back after the time.
[[nodiscard]] BenchDialogue time_dialogue();

}  // namespace socketserver::bench
