#pragma once

/// \file
/// The process of the clients, and what it and its parent say to each other.

#include "load.hpp"

#include <socketserver/bench_main.hpp>

#include <string>

namespace socketserver::bench {

/// Makes requests as its parent says, line by line:
///
///     parent                    generator
///                            ◀─ started
///     connect                ─▶
///                            ◀─ ready          each client has been served once
///     closed SECONDS         ─▶
///     open RATE SECONDS      ─▶
///                            ◀─ {"requests": ..., ...}
///     (end of input)         ─▶ ends, and with it its connections
///
/// What fails is told as {"failure": "..."} or, if a reply is wrong, {"wrong_reply": "..."} in place of an answer.
/// \param dialogue what clients say; complete
/// \param spec a LoadSpec as text
/// \return the exit status
int run_generator(const BenchDialogue& dialogue, const std::string& spec);

/// A LoadSpec as a text for run_generator().
[[nodiscard]] std::string to_text(const LoadSpec& spec);

/// A line that answers a command.
/// \throw WrongReply, std::runtime_error if it tells of a failure
[[nodiscard]] LoadResult parse_load_result(const std::string& line);

/// Whether a line answers "connect".
/// \throw WrongReply, std::runtime_error if it tells of a failure
void check_ready(const std::string& line);

}  // namespace socketserver::bench
