#pragma once

/// \file
/// What the kernel says of another process.

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

namespace socketserver::test {

/// How many of its children are zombies.
[[nodiscard]] std::size_t zombies_of(pid_t pid);

/// Whether it exists and is no zombie.
[[nodiscard]] bool is_running(pid_t pid);

/// Whether its first thread waits for something.
[[nodiscard]] bool is_sleeping(pid_t pid);

/// Whether its first thread waits for descriptors, as a server does that is at rest. One that still begins may sleep
/// for other reasons.
[[nodiscard]] bool waits_for_descriptors(pid_t pid);

/// Whether its first thread is stopped (SIGSTOP).
[[nodiscard]] bool is_stopped(pid_t pid);

/// Its descriptors.
[[nodiscard]] std::vector<int> descriptors_of(pid_t pid);

/// Those of its descriptors from 3 up that execve(2) would not close.
[[nodiscard]] std::vector<int> inheritable_descriptors_of(pid_t pid);

/// How many threads it has.
[[nodiscard]] std::size_t threads_of(pid_t pid);

/// Its resident memory without what belongs to files, in bytes; 0 if it is gone.
[[nodiscard]] long memory_of(pid_t pid);

/// The time that it has computed, in hundredths of a second.
[[nodiscard]] long computing_time_of(pid_t pid);

/// Whether it has a handler of its own for a signal.
[[nodiscard]] bool catches(pid_t pid, int signal);

/// Whether it ignores a signal.
[[nodiscard]] bool ignores(pid_t pid, int signal);

/// Whether its first thread blocks a signal.
[[nodiscard]] bool blocks(pid_t pid, int signal);

/// What its standard streams are, "/dev/null" or "socket:[1234]"; those that are closed are left out.
[[nodiscard]] std::vector<std::string> standard_streams_of(pid_t pid);

/// The lowest number that is no descriptor of it.
[[nodiscard]] int lowest_free_descriptor(pid_t pid);

}  // namespace socketserver::test
