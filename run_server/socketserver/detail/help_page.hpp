#pragma once

/// \file
/// Text whose lines are filled with words.

#include <cstddef>
#include <string>
#include <string_view>

namespace socketserver::detail {

/// A blank at which a line is broken only if the words do not fit into one.
inline constexpr char no_break = '\x1f';

/// How many columns a text of UTF-8 takes, if each character takes one.
[[nodiscard]] std::size_t columns(std::string_view text);

/// Text whose lines are filled with words.
class HelpPage {
public:
    /// \param width no line is wider, unless it is a single word
    explicit HelpPage(std::size_t width) : width_(width) {}

    /// Adds words to the current line, and to lines below it that begin with so many blanks.
    void fill(std::string_view text, std::size_t indent);

    /// Moves on to a column; on the next line, if this one has reached it.
    void move_to(std::size_t column);

    /// Ends the line.
    void end_line();

    /// Adds a paragraph.
    /// \param text its words
    /// \param indent how many blanks its first line begins with
    /// \param indent_below how many the others begin with, if that is more
    void paragraph(std::string_view text, std::size_t indent = 0, std::size_t indent_below = 0);

    /// How wide a line may be.
    [[nodiscard]] std::size_t width() const noexcept { return width_; }
    /// What has been added.
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
    std::size_t width_;
    std::string text_;
    std::size_t column_ = 0;
    bool has_words_ = false;  // the line does
    bool touches_ = false;    // a word ends where the line does
};

}  // namespace socketserver::detail
