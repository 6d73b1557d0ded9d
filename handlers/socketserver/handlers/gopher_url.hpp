#pragma once

/// \file
/// Gopher URLs (RFC 4266).

#include <socketserver/handlers/gopher_protocol.hpp>
#include <socketserver/net/parse_result.hpp>
#include <socketserver/net/url.hpp>

namespace socketserver {

/// What a gopher URL asks a server for. A value.
struct GopherDocument {
    char type = '1';        ///< what the document is, as in GopherItem
    GopherRequest request;  ///< how to ask for it
};

/// Takes the path of a gopher URL apart: `/TSELECTOR`, where T is the document's type, or `/TSELECTOR%09WORDS` for a search.
/// An empty path, and `/`, is the server's first menu. A pure function.
/// \param url a URL of the scheme "gopher"
/// \return never Incomplete; an error as parse_gopher_request() tells it
ParseResult<GopherDocument> parse_gopher_path(const Url& url);

}  // namespace socketserver
