#pragma once

/// \file
/// What strangers have sent, made safe to print: in logs, in messages, on terminals.

#include <string>
#include <string_view>

namespace socketserver {

/// Whether a text can be printed on one line of a log or terminal as it is: well-formed UTF-8 without control characters (U+0000 to
/// U+001F, U+007F to U+009F), line and paragraph separators (U+2028, U+2029), and characters that change the direction of
/// writing (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069).
/// \param text any bytes
/// Thread: any.
[[nodiscard]] bool is_printable(std::string_view text) noexcept;

/// Makes a text one that can be printed so: bytes of what cannot stand as `\xNN`. A backslash stays one, so the result tells people
/// what has been sent, and is not to be read by programs.
/// \param text any bytes
/// Thread: any.
[[nodiscard]] std::string printable(std::string_view text);

/// The same for a document that comes in pieces and is shown on a terminal: LF, CR LF and tab stay what they are.
///
/// Owns: the beginning of a character whose end has not come. Thread: one at a time.
class PrintableDocument {
public:
    /// \param piece what has come
    /// \return what to print of it, and of what was kept
    [[nodiscard]] std::string take(std::string_view piece);

    /// \return what was kept, and is incomplete
    [[nodiscard]] std::string finish();

private:
    std::string kept_;
};

}  // namespace socketserver
