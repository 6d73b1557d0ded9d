#pragma once

/// \file
/// Fetching by HTTP.

#include "output.hpp"

#include <socketserver/net/url.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace fetch {

/// Gets a document by HTTP/1.1 (RFC 9112), following up to 10 redirections.
/// \param url a URL of the scheme "http"
/// \param timeout the longest to wait for the server at each step; none: as long as it takes
/// \param output where to; not finished
/// \return the reply's header, a line for each field
/// \throw std::exception saying what went wrong, in one line
std::string by_http(socketserver::Url url, std::optional<std::chrono::nanoseconds> timeout, Output& output);

}  // namespace fetch
