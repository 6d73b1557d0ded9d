#pragma once

/// \file
/// How a failed system call becomes a value or an exception: the one place that turns `errno` into
/// `boost::system::error_code` and `boost::system::system_error`.

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <string_view>

namespace socketserver {

using boost::system::error_code;
using boost::system::system_error;

/// The error of a system call as an error code of the system category.
/// \param error an `errno` value, read before anything else could change it
[[nodiscard]] error_code system_code(int error) noexcept;

/// Throws boost::system::system_error for a failed operation.
/// \param error what went wrong
/// \param operation the name of the call, e.g. "recv"
/// \param subject what it was applied to, e.g. the peer's address; may be empty
/// The message reads `recv from 127.0.0.1:5000: Connection reset by peer`, with \p operation ending
/// where \p subject begins ("recv from", "bind to").
[[noreturn]] void throw_error(error_code error, std::string_view operation, std::string_view subject = {});

/// Throws for an `errno` value: `throw_error(system_code(error), operation, subject)`.
/// \param error an `errno` value
/// \param operation the name of the call
/// \param subject what it was applied to; may be empty
[[noreturn]] void throw_errno(int error, std::string_view operation, std::string_view subject = {});

/// Whether an error says that an operation's time was up (ETIMEDOUT).
/// \param error the error of a socket operation
[[nodiscard]] bool is_timeout(const error_code& error) noexcept;

/// Whether an error is what a peer or the network did: a reset, a time-out, a message too long, an unreachable host;
/// or that a wait was cut, as when a server stops (ECANCELED). All others, such as EMFILE, ENOSPC or EINVAL, are this
/// machine's or the program's own.
/// \param error the error of a socket operation
[[nodiscard]] bool is_network_error(const error_code& error) noexcept;

}  // namespace socketserver
