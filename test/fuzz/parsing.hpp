#pragma once

/// \file
/// What holds for every parser.

#include "input.hpp"

#include <socketserver/net/parse_result.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace socketserver::fuzz {

/// Checks that a parser says of the bytes that have come the same however many follow: nothing before there is enough, and
/// then the same value or an error. Longer texts are looked at in some places only.
/// \param parse returns a ParseResult
template <class Parse>
void check_prefixes(std::string_view bytes, Parse parse) {
    constexpr std::size_t places = 64;
    const auto whole = parse(bytes);
    require(whole.has_value() ? whole.consumed() <= bytes.size() : whole.consumed() == 0,
            "a value is made of bytes that are there");
    require(!whole.is_error() || !whole.error().empty(), "an error says what is wrong");
    const std::size_t step = std::max<std::size_t>(bytes.size() / places, 1);
    for (std::size_t size = 0; size < bytes.size(); size += step) {
        const auto front = parse(bytes.substr(0, size));
        if (whole.has_value())
            require(size < whole.consumed() ? front.is_incomplete() : front.has_value(),
                    "a value is made of enough bytes");
        if (front.has_value())
            require(whole.has_value() && whole.consumed() == front.consumed(), "what follows a value changes nothing");
        if (front.is_error())
            require(whole.is_error(), "what is wrong stays wrong");
    }
}

}  // namespace socketserver::fuzz
