#pragma once

/// \file
/// Where a server's messages go.

#include <functional>
#include <string>
#include <string_view>

namespace socketserver {

/// How much a message matters.
enum class Severity {
    info,     ///< what happens in normal service: a connection came
    warning,  ///< what a peer or the network did wrong: a reset, a time-out, a line too long (is_network_error())
    error,    ///< what needs the operator: a handler that throws, descriptors running out
};

/// Receives a server's messages, one line each, without line end and safe to print (is_printable()). Called from whatever
/// thread or forked child has something to say, several at once; if it throws, the line counts as lost
/// (Statistics::log_lines_lost).
using Logger = std::function<void(Severity, std::string_view)>;

/// A logger that writes each message as one line to standard error, in one write(2). It throws boost::system::system_error if that fails.
/// A reader that has gone, and a file that has reached its limit (RLIMIT_FSIZE), end no program: SIGPIPE and SIGXFSZ are kept from it.
///
/// Standard error is what is there when the logger is made. If descriptor 2 is closed then, or is a file that the program
/// has opened for itself (with O_CLOEXEC), the logger writes nowhere, and throws.
/// \param least messages that matter less are left out
/// \param prefix stands before each line, e.g. "time_server: "
[[nodiscard]] Logger stderr_logger(Severity least = Severity::warning, std::string prefix = {});

}  // namespace socketserver
