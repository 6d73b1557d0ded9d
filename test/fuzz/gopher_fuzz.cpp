#include "input.hpp"
#include "parsing.hpp"
#include "targets.hpp"

#include <socketserver/handlers/gopher_protocol.hpp>

#include <string>
#include <vector>

namespace socketserver::fuzz {

namespace {

void check_request(std::string_view bytes) {
    check_prefixes(bytes, [](std::string_view front) { return parse_gopher_request(front); });
    const auto request = parse_gopher_request(bytes);
    require(!request.is_incomplete() || bytes.size() <= gopher_line_limit + 1, "a request has an end");
    if (!request)
        return;
    require(request->selector.size() <= gopher_selector_limit, "a selector is no longer than it may be");
    require(is_gopher_field(request->selector) && is_gopher_field(request->search),
            "fields hold no control characters");
    const auto again = parse_gopher_request(request->selector + '\t' + request->search + "\r\n");
    require(again && again->selector == request->selector && again->search == request->search,
            "a request can be sent again");
}

void check_menu(std::string_view bytes) {
    check_prefixes(bytes, [](std::string_view front) { return parse_gopher_item(front); });
    check_prefixes(bytes, [](std::string_view front) { return parse_gopher_menu(front); });
    const auto menu = parse_gopher_menu(bytes);
    if (!menu)
        return;
    std::string lines;
    for (const GopherItem& item : *menu)
        lines += to_gopher_line(item);
    const auto again = parse_gopher_menu(lines + std::string(gopher_last_line));
    require(again && *again == *menu, "a menu can be sent again");
}

// What a text becomes on its way: LF ends each line, and the last one has an end, of which a CR may be there already.
std::string as_received(std::string_view text) {
    std::string received;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\r' || (i + 1 < text.size() && text[i + 1] != '\n'))
            received += text[i];
    }
    if (!text.empty() && text.back() != '\n')
        received += '\n';
    return received;
}

void check_text(Input input) {
    std::string whole;
    GopherTextEncoder encoder;
    encoder.encode(input.text(), whole);
    encoder.finish(whole);

    std::string sent;
    GopherTextEncoder piecewise;
    for (const std::string_view piece : input.pieces())
        piecewise.encode(piece, sent);
    piecewise.finish(sent);
    require(sent == whole, "a text is sent alike whatever the pieces in which it was read");

    const auto text = parse_gopher_text(sent);
    require(text && text.consumed() == sent.size() && *text == as_received(input.text()), "a text arrives as it was");
}

void check_received_text(Input input) {
    std::string whole;
    GopherTextDecoder at_once;
    const std::size_t used = at_once.decode(input.text(), whole);
    std::string text;
    std::size_t taken = 0;
    GopherTextDecoder decoder;
    for (const std::string_view piece : input.pieces())
        taken += decoder.decode(piece, text);
    require(text == whole && taken == used && decoder.ended() == at_once.ended(),
            "a text is received alike whatever the pieces in which it comes");
    if (!decoder.ended()) {
        decoder.finish(text);
        at_once.finish(whole);
        require(text == whole, "a text that is cut off is the same whatever its pieces");
    }
}

}  // namespace

void fuzz_gopher(std::string_view bytes) {
    const Input input(bytes);
    check_request(input.text());
    check_menu(input.text());
    check_text(input);
    check_received_text(input);
    static_cast<void>(gopher_type_by_suffix(input.text()));
}

}  // namespace socketserver::fuzz
