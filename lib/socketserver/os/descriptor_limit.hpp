#pragma once

/// \file
/// How many descriptors a process may have open (RLIMIT_NOFILE, getrlimit(2)).

#include <cstddef>
#include <optional>

namespace socketserver {

/// The soft limit of this process: one descriptor more, and calls fail with EMFILE. Thread: any.
[[nodiscard]] std::size_t descriptor_limit() noexcept;

/// How many descriptors this process has open; 0 if /proc does not tell. Thread: any.
[[nodiscard]] std::size_t open_descriptors() noexcept;

/// Raises the soft limit to the hard one, for a program that serves many connections and waits by nothing as old as
/// select(2). Programs that ChildProcess starts get back what it was, since they may know no better. Does nothing where that
/// is not allowed. Thread: any.
void raise_descriptor_limit() noexcept;

/// The soft limit before raise_descriptor_limit() raised it; nothing if it has not. Thread: any.
[[nodiscard]] std::optional<std::size_t> former_descriptor_limit() noexcept;

}  // namespace socketserver
