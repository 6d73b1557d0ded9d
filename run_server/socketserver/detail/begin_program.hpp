#pragma once

/// \file
/// What every program of the project does first.

namespace socketserver::detail {

/// Undoes what a program may have inherited from who started it and cannot work with. Requires: nothing has been opened yet, and
/// there is one thread.
///
/// - Standard streams that are closed become /dev/null: see occupy_standard_streams().
/// - Signals that are blocked are let through.
/// - Children that end stay until they are waited for, even if SIGCHLD is ignored: see keep_ended_children().
/// - SIGXFSZ is ignored: that a file may not grow any more is an error like others (write(2), EFBIG).
///
/// SIGINT and SIGTERM stay ignored if they are (ServerOptions::stop_signals), and limits and the umask are what they were.
void begin_program() noexcept;

}  // namespace socketserver::detail
