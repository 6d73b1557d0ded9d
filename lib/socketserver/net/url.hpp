#pragma once

/// \file
/// URLs (RFC 3986), from text to parts and back: pure functions.

#include <socketserver/net/parse_result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace socketserver {

/// The longest URL that is taken, in bytes. RFC 3986 has no such bound.
inline constexpr std::size_t url_limit = 8'192;

/// The parts of a URL that names a document: `http://host:port/path?query`. A fragment (`#...`) is the reader's own business
/// and is left out. A value.
struct Url {
    std::string scheme;                ///< in lower case: "http", "file"
    std::string host;                  ///< in lower case, an IPv6 address without brackets; "" if there is none
    std::uint16_t port = 0;            ///< as given, else default_port() of the scheme
    std::string path;                  ///< percent-encoded as it was given; begins with "/", unless it is empty
    std::optional<std::string> query;  ///< what stands behind "?", percent-encoded

    /// The host as it stands in a URL and in HTTP's field Host: an IPv6 address in brackets, and a port that is not the
    /// scheme's own.
    [[nodiscard]] std::string authority() const;

    /// What an HTTP client asks for (RFC 9112 section 3.2.1): path and query, "/" for an empty path.
    [[nodiscard]] std::string target() const;

    /// The URL as text.
    [[nodiscard]] std::string to_string() const;

    /// Whether all parts are the same.
    friend bool operator==(const Url&, const Url&) = default;
};

/// The port of a scheme: 80 of http, 443 of https, 70 of gopher, 0 of others.
/// \param scheme in lower case
[[nodiscard]] std::uint16_t default_port(std::string_view scheme) noexcept;

/// Parses a URL that is all there, such as a command line's.
/// \param text the URL
/// \return never Incomplete; an error that says what is wrong: no scheme, a host or port that is none, a character that a URL
///   must not hold, a user name (RFC 3986 section 7.5), more than url_limit bytes
ParseResult<Url> parse_url(std::string_view text);

/// What a reference in a document means (RFC 3986 section 5.2), such as the Location of an HTTP redirection.
/// \param base the URL of the document
/// \param reference a URL, or one without its first parts: `//host/path`, `/path`, `name`, `?query`
/// \return as parse_url()
ParseResult<Url> resolve_url(const Url& base, std::string_view reference);

/// Puts bytes in the place of `%41` and the like (RFC 3986 section 2.1).
/// \param text percent-encoded text
/// \return the bytes; nothing if a "%" is not followed by two hexadecimal digits
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

}  // namespace socketserver
