#pragma once

/// \file
/// What gopher clients and servers say (RFC 1436), from bytes to values and back: pure functions, for both sides.

#include <socketserver/net/parse_result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socketserver {

/// The port of gopher servers (RFC 1436; assigned by IANA).
inline constexpr std::uint16_t gopher_port = 70;

/// The longest selector, in bytes (RFC 1436, appendix).
inline constexpr std::size_t gopher_selector_limit = 255;

/// The longest request and the longest line of a menu, in bytes without the line end. RFC 1436 has no such bound.
inline constexpr std::size_t gopher_line_limit = 4'096;

/// What ends menus and texts: a line with a dot alone (RFC 1436, appendix).
inline constexpr std::string_view gopher_last_line = ".\r\n";

/// What a client asks for. A value.
struct GopherRequest {
    std::string selector;  ///< which document; "" is the server's first menu
    std::string search;    ///< what to look for, where the document is a search (type 7); "" if nothing was given
};

/// Parses a request: a selector, after a tab perhaps words to search for, and a line end. What stands after a second tab
/// (Gopher+) is ignored.
/// \param bytes what has been received; the line end is CR LF, and LF will do
/// \return an error, as soon as that is certain, if the selector or the line is too long, or one holds control characters
ParseResult<GopherRequest> parse_gopher_request(std::string_view bytes);

/// A line of a menu (RFC 1436, appendix). A value.
struct GopherItem {
    char type = '0';  ///< what it leads to: 0 a text, 1 a menu, 3 an error, 9 a binary file, g, I an image, h HTML...
    std::string display;     ///< what the user sees
    std::string selector;    ///< what to ask the server for
    std::string host;        ///< which server
    std::uint16_t port = 0;  ///< its port; 0 where the item leads nowhere
};

/// Whether two items are the same.
[[nodiscard]] bool operator==(const GopherItem& a, const GopherItem& b) noexcept;

/// Parses a line of a menu. Fields after the port (Gopher+) are ignored.
/// \param bytes what has been received; the line end is CR LF, and LF will do
/// \return an error if a field is missing, the port is no number up to 65535, or the line is too long
ParseResult<GopherItem> parse_gopher_item(std::string_view bytes);

/// Parses a menu, up to its last line.
/// \param bytes what has been received; Incomplete if the last line is not among it, which some servers leave out
/// \return an error, naming the line, if one is no item
ParseResult<std::vector<GopherItem>> parse_gopher_menu(std::string_view bytes);

/// An item as a line of a menu, with its line end. Requires: no field holds a tab or a line end.
[[nodiscard]] std::string to_gopher_line(const GopherItem& item);

/// A whole document that tells of an error: a menu with one item of type 3, which leads nowhere.
/// \param message what went wrong, without tabs and line ends
[[nodiscard]] std::string gopher_error(std::string_view message);

/// Whether a text can stand in a line: it holds no control characters (ASCII 0 to 31, and 127).
[[nodiscard]] bool is_gopher_field(std::string_view text) noexcept;

/// The type of a file that its name tells, in upper or lower case:
///
/// | suffix | type |
/// |---|---|
/// | `.gif` | g, a GIF |
/// | `.bmp .ico .jpeg .jpg .png .svg .tif .tiff .webp` | I, another image |
/// | `.htm .html` | h, HTML |
///
/// \param name a file's name, or a selector
/// \return the type; nothing for other suffixes, where the contents must tell
[[nodiscard]] std::optional<char> gopher_type_by_suffix(std::string_view name);

/// Makes a text what is sent of it (RFC 1436, appendix): each line ends with CR LF, a dot at the beginning of a line is
/// doubled, and a line with a dot alone comes last. Takes the text piece by piece, in constant memory.
class GopherTextEncoder {
public:
    /// Encodes a piece.
    /// \param text the piece; its lines end with LF or CR LF
    /// \param bytes what is to be sent is appended
    void encode(std::string_view text, std::string& bytes);

    /// Ends the text, and its last line if that has no line end.
    /// \param bytes what is to be sent is appended
    void finish(std::string& bytes) const;

private:
    bool at_line_begin_ = true;
    bool after_cr_ = false;  // a CR that has not been passed on: a LF may follow
};

/// Makes what was received a text again: what GopherTextEncoder has done is undone, and lines end with LF. Takes the bytes
/// piece by piece, in constant memory.
class GopherTextDecoder {
public:
    /// Decodes a piece.
    /// \param bytes the piece
    /// \param text the text is appended; a dot or CR at the end of the piece may be kept for the next one
    /// \return how many of the bytes belong to the text: fewer than all only if its last line is among them
    std::size_t decode(std::string_view bytes, std::string& text);

    /// Whether the text's last line has come. If the stream ends before, the text was cut off, or its sender leaves that line out.
    [[nodiscard]] bool ended() const noexcept { return state_ == State::ended; }

    /// Gives out what was kept, where the stream ended before the text.
    /// \param text the text is appended
    void finish(std::string& text);

private:
    enum class State { line_begin, in_line, cr, dot, dot_cr, ended };
    void take(char c, std::string& text);

    State state_ = State::line_begin;
};

/// Parses a text, up to its last line.
/// \param bytes what has been received; Incomplete if the last line is not among it
/// \return the text, its lines ended by LF; never an error
ParseResult<std::string> parse_gopher_text(std::string_view bytes);

}  // namespace socketserver
