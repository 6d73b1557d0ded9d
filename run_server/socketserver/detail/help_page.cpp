#include <socketserver/detail/help_page.hpp>

#include <algorithm>
#include <iterator>

namespace socketserver::detail {

std::size_t columns(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

void HelpPage::fill(std::string_view text, std::size_t indent) {
    constexpr std::string_view white = " \t\n\x1f";
    for (auto begin = text.find_first_not_of(white); begin != std::string_view::npos;
         begin = text.find_first_not_of(white, begin)) {
        std::string_view word = text.substr(begin, text.find_first_of(" \t\n", begin) - begin);
        if (indent + columns(word) > width_)
            word = word.substr(0, std::max<std::size_t>(word.find(no_break), 1));
        if (has_words_ && column_ + (touches_ ? 1 : 0) + columns(word) > width_) {
            end_line();
            move_to(indent);
        }
        if (touches_)
            move_to(column_ + 1);
        std::replace_copy(word.begin(), word.end(), std::back_inserter(text_), no_break, ' ');
        column_ += columns(word);
        has_words_ = touches_ = true;
        begin += word.size();
    }
}

void HelpPage::move_to(std::size_t column) {
    if (column_ > column || (column_ == column && touches_))
        end_line();
    text_.append(column - column_, ' ');
    column_ = column;
    touches_ = false;
}

void HelpPage::end_line() {
    // A line has no blanks at its end.
    text_.erase(text_.find_last_not_of(' ') + 1);
    text_ += '\n';
    column_ = 0;
    has_words_ = touches_ = false;
}

void HelpPage::paragraph(std::string_view text, std::size_t indent, std::size_t indent_below) {
    move_to(indent);
    fill(text, std::max(indent, indent_below));
    end_line();
}

}  // namespace socketserver::detail
