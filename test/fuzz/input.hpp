#pragma once

/// \file
/// What a fuzzer made up, as a target takes it, and how a target says what is wrong.

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace socketserver::fuzz {

/// A property does not hold.
class Finding : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

/// Checks a property.
/// \throw Finding if it does not hold
inline void require(bool holds, const char* property) {
    if (!holds)
        throw Finding(std::string("does not hold: ") + property);
}

/// A text, and behind its last NUL, if it has one, the choices: so a seed can be a text, for which each choice is 0.
class Input {
public:
    explicit Input(std::string_view bytes) : text_(bytes.substr(0, bytes.rfind('\0'))) {
        choices_ = bytes.substr(std::min(text_.size() + 1, bytes.size()));
    }

    /// The text.
    [[nodiscard]] std::string_view text() const noexcept { return text_; }

    /// Whether choices are left; those that follow are all 0.
    [[nodiscard]] bool has_choices() const noexcept { return !choices_.empty(); }

    /// The next choice: a number from 0 up to another, at most 256, excluded.
    std::size_t choose(std::size_t below) {
        if (choices_.empty())
            return 0;
        const auto byte = static_cast<unsigned char>(choices_.front());
        choices_.remove_prefix(1);
        return byte % below;
    }

    /// The text in one piece; in none if it is empty.
    [[nodiscard]] std::vector<std::string_view> whole() const {
        return text_.empty() ? std::vector<std::string_view>{} : std::vector{text_};
    }

    /// The text in the pieces chosen: at least one byte each, as long as there are choices.
    std::vector<std::string_view> pieces() {
        std::vector<std::string_view> pieces;
        for (std::string_view rest = text_; !rest.empty(); rest.remove_prefix(pieces.back().size()))
            pieces.push_back(has_choices() ? rest.substr(0, 1 + choose(256)) : rest);
        return pieces;
    }

private:
    std::string_view text_;
    std::string_view choices_;
};

}  // namespace socketserver::fuzz
