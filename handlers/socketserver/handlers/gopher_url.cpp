#include <socketserver/handlers/gopher_url.hpp>

#include <optional>
#include <string>
#include <utility>

namespace socketserver {

ParseResult<GopherDocument> parse_gopher_path(const Url& url) {
    // In a selector "?" is a character like others.
    const std::string target = url.target();
    const std::optional<std::string> path = percent_decode(target);
    if (!path)
        return ParseError{"a '%' is not followed by two hexadecimal digits"};
    GopherDocument document;
    if (path->size() < 2)
        return {std::move(document), target.size()};
    document.type = (*path)[1];
    const std::string selector = path->substr(2);
    if (selector.find('\n') != std::string::npos || !is_gopher_field({&document.type, 1}))
        return ParseError{"the selector holds control characters"};
    auto request = parse_gopher_request(selector + "\r\n");
    if (!request)
        return ParseError{request.error()};
    document.request = std::move(request).value();
    return {std::move(document), target.size()};
}

}  // namespace socketserver
