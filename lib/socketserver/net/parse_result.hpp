#pragma once

/// \file
/// What a parser says of the bytes that have come so far: a value, that more must come, or that they are wrong.

#include <cstddef>
#include <string>
#include <utility>
#include <variant>

namespace socketserver {

/// What a parser says when the bytes are the beginning of a value, but no more: ask again with more of them. At the end of the
/// stream it means that the value was cut off.
struct Incomplete {};

/// What a parser says when the bytes are no value, whatever may follow.
struct ParseError {
    std::string message;  ///< what is wrong, as part of a sentence: "the port is not a number"
};

/// The outcome of a parser, a pure function of the bytes at the front of a stream:
///
///     ParseResult<Line> parse_line(std::string_view bytes) {
///         const auto end = bytes.find('\n');
///         if (end == bytes.npos && bytes.size() > longest_line)
///             return ParseError{"the line is too long"};   // so that a caller need not keep bytes without bound
///         if (end == bytes.npos)
///             return Incomplete{};
///         return {Line(bytes.substr(0, end)), end + 1};    // the value, and how many bytes it took
///     }
///
/// A caller drops the consumed bytes, keeps the others, and calls again for the next value. Texts that are all there from the
/// beginning, such as a command line's, are parsed the same way; then Incomplete means that something is missing.
///
/// A value: copy it freely, use it from any thread. It refers to the parsed bytes only if Value does.
template <class Value>
class [[nodiscard]] ParseResult {
public:
    /// A value.
    /// \param value what was parsed
    /// \param consumed of how many bytes it was made, its line end or other terminator included
    ParseResult(Value value, std::size_t consumed)
        : outcome_(std::in_place_index<0>, std::move(value)), consumed_(consumed) {}

    /// No value yet.
    ParseResult(Incomplete incomplete) noexcept : outcome_(incomplete) {}  // NOLINT: implicit on purpose

    /// No value at all.
    /// \param error why
    ParseResult(ParseError error) noexcept : outcome_(std::move(error)) {}  // NOLINT: implicit on purpose

    /// Whether there is a value.
    [[nodiscard]] bool has_value() const noexcept { return outcome_.index() == 0; }

    /// Whether there is a value.
    explicit operator bool() const noexcept { return has_value(); }

    /// Whether more bytes must come before there is a value or an error.
    [[nodiscard]] bool is_incomplete() const noexcept { return outcome_.index() == 1; }

    /// Whether the bytes are wrong.
    [[nodiscard]] bool is_error() const noexcept { return outcome_.index() == 2; }

    /// The value. Requires: has_value(); else it throws std::bad_variant_access.
    [[nodiscard]] Value& value() & { return std::get<0>(outcome_); }
    /// The value, see above.
    [[nodiscard]] const Value& value() const& { return std::get<0>(outcome_); }
    /// The value, see above.
    [[nodiscard]] Value&& value() && { return std::get<0>(std::move(outcome_)); }

    /// The value, see value().
    [[nodiscard]] const Value& operator*() const& { return value(); }
    /// The value, see value().
    [[nodiscard]] const Value* operator->() const { return &value(); }

    /// How many of the bytes make the value: 0 without one.
    [[nodiscard]] std::size_t consumed() const noexcept { return consumed_; }

    /// What is wrong. Requires: is_error(); else it throws std::bad_variant_access.
    [[nodiscard]] const std::string& error() const { return std::get<2>(outcome_).message; }

private:
    std::variant<Value, Incomplete, ParseError> outcome_;
    std::size_t consumed_ = 0;
};

}  // namespace socketserver
