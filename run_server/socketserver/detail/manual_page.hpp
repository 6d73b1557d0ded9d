#pragma once

/// \file
/// The manual page of a program.

#include <socketserver/detail/help.hpp>

#include <string>

namespace socketserver::detail {

/// The manual page, in man(7): lines that begin with a dot are requests, backslashes begin escapes.
/// \param about the program
[[nodiscard]] std::string manual_page(const ProgramHelp& about);

}  // namespace socketserver::detail
