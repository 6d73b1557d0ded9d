#pragma once

/// \file
/// The faults that fault_server injects into itself.

namespace socketserver::test {

/// Maps the file that the environment names, and prepares what else it asks for. Requires: called once, before all else.
void begin_injection();

/// Interrupts the calling thread every millisecond from now on; under a storm only.
void interrupt_this_thread();

}  // namespace socketserver::test
