#include <socketserver/handlers/gopher_protocol.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

namespace socketserver {

namespace {

constexpr std::array<std::pair<std::string_view, char>, 12> types_by_suffix{{{".bmp", 'I'},
                                                                             {".gif", 'g'},
                                                                             {".htm", 'h'},
                                                                             {".html", 'h'},
                                                                             {".ico", 'I'},
                                                                             {".jpeg", 'I'},
                                                                             {".jpg", 'I'},
                                                                             {".png", 'I'},
                                                                             {".svg", 'I'},
                                                                             {".tif", 'I'},
                                                                             {".tiff", 'I'},
                                                                             {".webp", 'I'}}};

/// The line at the front of the bytes, as far as it has come.
struct Line {
    std::string_view text;  // without line end
    bool whole;
    std::size_t size;  // with line end; if it is whole
};

Line first_line(std::string_view bytes) noexcept {
    const auto newline = bytes.find('\n');
    Line line{bytes.substr(0, newline), newline != std::string_view::npos, newline + 1};
    // If the line is not whole, the CR may still become the first half of its end.
    if (line.text.ends_with('\r'))
        line.text.remove_suffix(1);
    return line;
}

/// Takes the text up to the next tab, which goes too.
std::string_view take_field(std::string_view& text) noexcept {
    const auto tab = text.find('\t');
    const std::string_view field = text.substr(0, tab);
    text.remove_prefix(tab == std::string_view::npos ? text.size() : tab + 1);
    return field;
}

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return port;
}

ParseError too_long(std::string_view what, std::size_t limit) {
    return {"the " + std::string(what) + " is longer than " + std::to_string(limit) + " bytes"};
}

}  // namespace

bool is_gopher_field(std::string_view text) noexcept {
    return std::none_of(text.begin(), text.end(), [](char c) {
        constexpr unsigned char space = 0x20;
        constexpr unsigned char rubout = 0x7f;
        const auto byte = static_cast<unsigned char>(c);
        return byte < space || byte == rubout;
    });
}

std::optional<char> gopher_type_by_suffix(std::string_view name) {
    const auto dot = name.rfind('.');
    if (dot == std::string_view::npos)
        return std::nullopt;
    std::string suffix(name.substr(dot));
    for (char& c : suffix)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto found = std::find_if(types_by_suffix.begin(), types_by_suffix.end(),
                                    [&](const auto& entry) { return entry.first == suffix; });
    return found == types_by_suffix.end() ? std::nullopt : std::optional(found->second);
}

ParseResult<GopherRequest> parse_gopher_request(std::string_view bytes) {
    const Line line = first_line(bytes);
    std::string_view rest = line.text;
    const std::string_view selector = take_field(rest);
    const std::string_view search = take_field(rest);
    if (selector.size() > gopher_selector_limit)
        return too_long("selector", gopher_selector_limit);
    if (line.text.size() > gopher_line_limit)
        return too_long("request", gopher_line_limit);
    if (!is_gopher_field(selector))
        return ParseError{"the selector holds control characters"};
    if (!is_gopher_field(search))
        return ParseError{"the words to search for hold control characters"};
    if (!line.whole)
        return Incomplete{};
    return {{std::string(selector), std::string(search)}, line.size};
}

bool operator==(const GopherItem& a, const GopherItem& b) noexcept {
    return a.type == b.type && a.display == b.display && a.selector == b.selector && a.host == b.host &&
           a.port == b.port;
}

ParseResult<GopherItem> parse_gopher_item(std::string_view bytes) {
    const Line line = first_line(bytes);
    if (line.text.size() > gopher_line_limit)
        return too_long("line", gopher_line_limit);
    if (!line.whole)
        return Incomplete{};
    if (line.text.empty())
        return ParseError{"the line is empty"};
    if (std::count(line.text.begin(), line.text.end(), '\t') < 3)
        return ParseError{"the line is not a type and a name, a selector, a host and a port, with tabs between"};
    std::string_view rest = line.text.substr(1);
    GopherItem item;
    item.type = line.text.front();
    item.display = take_field(rest);
    item.selector = take_field(rest);
    item.host = take_field(rest);
    const auto port = parse_port(take_field(rest));
    if (!port)
        return ParseError{"the port is not a number from 0 to 65535"};
    item.port = *port;
    return {std::move(item), line.size};
}

ParseResult<std::vector<GopherItem>> parse_gopher_menu(std::string_view bytes) {
    std::vector<GopherItem> items;
    for (std::size_t parsed = 0;;) {
        const std::string_view rest = bytes.substr(parsed);
        if (const Line line = first_line(rest); line.whole && line.text == ".")
            return {std::move(items), parsed + line.size};
        auto item = parse_gopher_item(rest);
        if (item.is_incomplete())
            return Incomplete{};
        if (item.is_error())
            return ParseError{"line " + std::to_string(items.size() + 1) + ": " + item.error()};
        parsed += item.consumed();
        items.push_back(std::move(item).value());
    }
}

std::string to_gopher_line(const GopherItem& item) {
    std::string line(1, item.type);
    line += item.display;
    for (const std::string& field : {item.selector, item.host, std::to_string(item.port)}) {
        line += '\t';
        line += field;
    }
    return line + "\r\n";
}

std::string gopher_error(std::string_view message) {
    // The customary address of nobody.
    GopherItem item{'3', std::string(message), "", "error.host", 1};
    return to_gopher_line(item) + std::string(gopher_last_line);
}

void GopherTextEncoder::encode(std::string_view text, std::string& bytes) {
    for (const char c : text) {
        if (c == '\n') {
            bytes += "\r\n";
        } else {
            if (after_cr_)
                bytes += '\r';
            if (at_line_begin_ && c == '.')
                bytes += '.';
            if (c != '\r')
                bytes += c;
        }
        after_cr_ = c == '\r';
        at_line_begin_ = c == '\n';
    }
}

void GopherTextEncoder::finish(std::string& bytes) const {
    // A CR at the very end is taken for half a line end.
    if (!at_line_begin_)
        bytes += "\r\n";
    bytes += gopher_last_line;
}

std::size_t GopherTextDecoder::decode(std::string_view bytes, std::string& text) {
    std::size_t used = 0;
    for (; used < bytes.size() && state_ != State::ended; ++used)
        take(bytes[used], text);
    return used;
}

void GopherTextDecoder::take(char c, std::string& text) {
    switch (state_) {
        case State::line_begin:
            if (c == '.') {
                state_ = State::dot;
                return;
            }
            break;
        case State::dot:
            if (c == '\n' || c == '\r') {
                state_ = c == '\n' ? State::ended : State::dot_cr;
                return;
            }
            // A doubled dot; or, from a sender that does not double them, a dot and what follows it.
            text += '.';
            state_ = State::in_line;
            if (c == '.')
                return;
            break;
        case State::dot_cr:
            if (c == '\n') {
                state_ = State::ended;
                return;
            }
            text += ".\r";
            break;
        case State::cr:
            if (c != '\n')
                text += '\r';
            break;
        case State::in_line:
        case State::ended: break;
    }
    if (c != '\r')
        text += c;
    state_ = c == '\r' ? State::cr : c == '\n' ? State::line_begin : State::in_line;
}

void GopherTextDecoder::finish(std::string& text) {
    if (state_ == State::dot || state_ == State::dot_cr)
        text += '.';
    if (state_ == State::cr || state_ == State::dot_cr)
        text += '\r';
    state_ = State::line_begin;
}

ParseResult<std::string> parse_gopher_text(std::string_view bytes) {
    GopherTextDecoder decoder;
    std::string text;
    const std::size_t used = decoder.decode(bytes, text);
    if (!decoder.ended())
        return Incomplete{};
    return {std::move(text), used};
}

}  // namespace socketserver
