#include "input.hpp"
#include "targets.hpp"

#include <socketserver/handlers/gopher_url.hpp>
#include <socketserver/net/url.hpp>

#include <algorithm>
#include <string>

namespace socketserver::fuzz {

namespace {

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

void check(const ParseResult<Url>& url) {
    require(!url.is_incomplete(), "a URL is all there");
    if (!url) {
        require(!url.error().empty(), "an error says what is wrong");
        return;
    }
    const std::string text = url->to_string();
    require(is_printable(text) && is_printable(url->target()) && is_printable(url->authority()),
            "what is taken can stand in a request and in a message");
    require(url->target().starts_with('/'), "a target begins with a slash");
    require(!url->host.empty() || url->scheme == "file", "only a file needs no host");
    // "file:/x" becomes longer, since it is written with slashes.
    const auto again = parse_url(text);
    require(text.size() > url_limit || (again && *again == *url), "a URL is read as it is written");
    if (const auto document = parse_gopher_path(*url))
        require(document->request.selector.size() <= gopher_selector_limit &&
                    is_gopher_field(document->request.selector),
                "a URL asks for a selector that can be sent");
}

}  // namespace

/// A URL, and in the second line a reference in the document that it names.
void fuzz_url(std::string_view bytes) {
    const std::string_view text = bytes.substr(0, bytes.find('\n'));
    const std::string_view reference = bytes.substr(std::min(text.size() + 1, bytes.size()));
    const auto url = parse_url(text);
    require(!url || url.consumed() == text.size(), "a URL is taken whole");
    require(!url || text.size() <= url_limit, "no URL is longer than it may be");
    check(url);
    if (url)
        check(resolve_url(*url, reference));
    const auto decoded = percent_decode(reference);
    require(!decoded || decoded->size() <= reference.size(), "decoding makes nothing longer");
}

}  // namespace socketserver::fuzz
