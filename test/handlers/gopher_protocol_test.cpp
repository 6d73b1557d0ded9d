#include "support/case_guard.hpp"

#include <socketserver/handlers/gopher_protocol.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace socketserver::test {

namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

/// "value", "incomplete" or what is wrong.
template <class Value>
std::string outcome(const ParseResult<Value>& result) {
    return result ? "value" : result.is_incomplete() ? "incomplete" : result.error();
}

/// Parses a value byte by byte: each true prefix must be incomplete, and what follows the value must not matter.
template <class Parse>
auto parse_bytewise(Parse parse, std::string_view bytes) {
    for (std::size_t size = 0; size < bytes.size(); ++size)
        BOOST_TEST(outcome(parse(bytes.substr(0, size))) == "incomplete", "after " << size << " bytes");
    auto result = parse(bytes);
    BOOST_REQUIRE_EQUAL(outcome(result), "value");
    BOOST_TEST(result.consumed() == bytes.size());
    for (const std::string_view more : {"."sv, "\r\n"sv, "more\t\n"sv, "\0"sv}) {
        const auto longer = parse(std::string(bytes) + std::string(more));
        BOOST_REQUIRE_EQUAL(outcome(longer), "value");
        BOOST_TEST(longer.consumed() == bytes.size());
    }
    return result.value();
}

/// How many bytes it takes until something is known to be wrong; more never mend it.
template <class Parse>
std::size_t bytes_until_error(Parse parse, std::string_view bytes) {
    std::size_t size = 0;
    while (size <= bytes.size() && !parse(bytes.substr(0, size)).is_error())
        ++size;
    for (std::size_t more = size; more <= bytes.size(); ++more)
        BOOST_TEST(parse(bytes.substr(0, more)).is_error(), "after " << more << " bytes");
    return size;
}

void check_request(std::string_view bytes, std::string_view selector, std::string_view search = "") {
    const GopherRequest request = parse_bytewise(parse_gopher_request, bytes);
    BOOST_TEST(request.selector == selector);
    BOOST_TEST(request.search == search);
}

GopherItem item(char type, const std::string& display, const std::string& selector, const std::string& host,
                std::uint16_t port) {
    return {type, display, selector, host, port};
}

std::string encoded(std::string_view text, std::size_t piece = std::string_view::npos) {
    GopherTextEncoder encoder;
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); i += std::min(piece, text.size() - i))
        encoder.encode(text.substr(i, piece), bytes);
    encoder.finish(bytes);
    return bytes;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(gopher_protocol, CaseGuard)

BOOST_AUTO_TEST_CASE(a_request_is_a_selector_and_a_line_end) {
    check_request("\r\n", "");
    check_request("\n", "");
    check_request("about.txt\r\n", "about.txt");
    check_request("/a folder/\xe4\xb8\x96\n", "/a folder/\xe4\xb8\x96");
}

BOOST_AUTO_TEST_CASE(a_request_may_hold_words_to_search_for) {
    check_request("index\tfree text\r\n", "index", "free text");
    check_request("\t\r\n", "");
    check_request("index\twords\t$\tmore\r\n", "index", "words");
    check_request("index\t+\n", "index", "+");
}

BOOST_AUTO_TEST_CASE(a_selector_has_255_bytes_at_most) {
    const std::string longest(255, 'x');
    check_request(longest + "\r\n", longest);
    check_request(longest + "\twords\n", longest, "words");
    const std::string too_long(256, 'x');
    BOOST_TEST(bytes_until_error(parse_gopher_request, too_long + "\r\n") == 256U);
    BOOST_TEST(outcome(parse_gopher_request(too_long)) == "the selector is longer than 255 bytes");
    BOOST_TEST(outcome(parse_gopher_request(std::string(1'000'000, 'x'))) == "the selector is longer than 255 bytes");
}

BOOST_AUTO_TEST_CASE(a_request_that_does_not_end_is_an_error) {
    const std::string most = "x\t" + std::string(4'094, 'y');
    check_request(most + "\r\n", "x", std::string_view(most).substr(2));
    BOOST_TEST(outcome(parse_gopher_request(most + "y")) == "the request is longer than 4096 bytes");
    BOOST_TEST(bytes_until_error(parse_gopher_request, most + "yyyyy\r\n") == 4'097U);
}

BOOST_AUTO_TEST_CASE(control_characters_are_no_part_of_a_request) {
    BOOST_TEST(outcome(parse_gopher_request("a\0b\r\n"sv)) == "the selector holds control characters");
    BOOST_TEST(bytes_until_error(parse_gopher_request, "a\0b\r\n"sv) == 2U);
    BOOST_TEST(bytes_until_error(parse_gopher_request, "a\rb\r\n"sv) == 3U);
    BOOST_TEST(bytes_until_error(parse_gopher_request, "a\r\r\n"sv) == 3U);
    BOOST_TEST(bytes_until_error(parse_gopher_request, "\x7f\n"sv) == 1U);
    BOOST_TEST(outcome(parse_gopher_request("a\tb\0\r\n"sv)) == "the words to search for hold control characters");
}

BOOST_AUTO_TEST_CASE(a_line_of_a_menu_has_five_parts) {
    const auto parse = [](std::string_view bytes) { return parse_bytewise(parse_gopher_item, bytes); };
    BOOST_TEST((parse("0About us\tabout.txt\tgopher.example\t70\r\n") ==
                item('0', "About us", "about.txt", "gopher.example", 70)));
    BOOST_TEST((parse("1Files\t/files\t::1\t7070\n") == item('1', "Files", "/files", "::1", 7070)));
    BOOST_TEST((parse("i\t\t\t0\r\n") == item('i', "", "", "", 0)));
    BOOST_TEST((parse("9x\ty\tz\t65535\t+\r\n") == item('9', "x", "y", "z", 65535)));
}

BOOST_AUTO_TEST_CASE(a_line_that_is_no_item_is_an_error) {
    BOOST_TEST(outcome(parse_gopher_item("\r\n")) == "the line is empty");
    for (const std::string line : {"0", ".", "0name\tselector\thost", "hello world"})
        BOOST_TEST(outcome(parse_gopher_item(line + "\r\n")) ==
                   "the line is not a type and a name, a selector, a host and a port, with tabs between");
    for (const std::string port : {"", "x", "65536", "-1", "70x", " 70"})
        BOOST_TEST(outcome(parse_gopher_item("0a\tb\tc\t" + port + "\r\n")) ==
                   "the port is not a number from 0 to 65535");
    BOOST_TEST(outcome(parse_gopher_item(std::string(4'096, 'x'))) == "incomplete");
    BOOST_TEST(outcome(parse_gopher_item(std::string(4'097, 'x'))) == "the line is longer than 4096 bytes");
}

BOOST_AUTO_TEST_CASE(a_menu_ends_with_a_dot) {
    const auto menu = parse_bytewise(parse_gopher_menu, "0a\tb\tc\t70\r\n1..\tx\ty\t1\n.\r\n");
    BOOST_REQUIRE_EQUAL(menu.size(), 2U);
    BOOST_TEST((menu[0] == item('0', "a", "b", "c", 70)));
    BOOST_TEST((menu[1] == item('1', "..", "x", "y", 1)));
    BOOST_TEST(parse_bytewise(parse_gopher_menu, ".\r\n").empty());
    BOOST_TEST(parse_bytewise(parse_gopher_menu, ".\n").empty());
    BOOST_TEST(outcome(parse_gopher_menu("0a\tb\tc\t70\r\nnonsense\r\n.\r\n")).starts_with("line 2: the line is not"));
}

BOOST_AUTO_TEST_CASE(lines_are_made_as_they_are_parsed) {
    const GopherItem one = item('I', "a picture", "pictures/a.png", "127.0.0.1", 7070);
    const std::string line = to_gopher_line(one);
    BOOST_TEST(line == "Ia picture\tpictures/a.png\t127.0.0.1\t7070\r\n");
    BOOST_TEST((parse_gopher_item(line).value() == one));
    const std::string error = gopher_error("no such thing");
    BOOST_TEST(error == "3no such thing\t\terror.host\t1\r\n.\r\n");
    BOOST_TEST(parse_gopher_menu(error).value().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_text_is_sent_with_doubled_dots_and_a_last_line) {
    BOOST_TEST(encoded("") == ".\r\n");
    BOOST_TEST(encoded("one\ntwo\r\n\nlast") == "one\r\ntwo\r\n\r\nlast\r\n.\r\n");
    BOOST_TEST(encoded(".\n..\n.x\nx.\n \n") == "..\r\n...\r\n..x\r\nx.\r\n \r\n.\r\n");
    BOOST_TEST(encoded("a\rb\r\r\nc\r") == "a\rb\r\r\nc\r\n.\r\n");
    BOOST_TEST(encoded("\r.") == "\r.\r\n.\r\n");
}

BOOST_AUTO_TEST_CASE(a_text_comes_out_as_it_was_sent) {
    const auto parse = [](std::string_view bytes) { return parse_bytewise(parse_gopher_text, bytes); };
    BOOST_TEST(parse(".\r\n") == "");
    BOOST_TEST(parse(".\n") == "");
    BOOST_TEST(parse("one\r\ntwo\n\r\n.\r\n") == "one\ntwo\n\n");
    BOOST_TEST(parse("..\r\n...\r\nx.\r\n.\r\n") == ".\n..\nx.\n");
    BOOST_TEST(parse(".not doubled\r\n.\rx\r\r\r\na\rb\n.\r\n") == ".not doubled\n.\rx\r\r\na\rb\n");
    BOOST_TEST(parse("\0\xff\r\n.\r\n"sv) == "\0\xff\n"sv);
}

BOOST_AUTO_TEST_CASE(the_pieces_in_which_a_text_comes_do_not_matter) {
    const std::string text = "one\n.two\n..\n\nthree.\n\rfour\rfive\n.\n";
    const std::string bytes = encoded(text);
    BOOST_TEST(parse_gopher_text(bytes).value() == text);
    for (std::size_t piece = 1; piece < bytes.size(); ++piece) {
        BOOST_TEST(encoded(text, piece) == bytes);
        GopherTextDecoder decoder;
        std::string decoded;
        std::size_t used = 0;
        const std::string all = bytes + "next";
        for (std::size_t i = 0; i < all.size(); i += piece)
            used += decoder.decode(std::string_view(all).substr(i, piece), decoded);
        BOOST_TEST(decoder.ended());
        BOOST_TEST(used == bytes.size());
        BOOST_TEST(decoded == text);
    }
}

BOOST_AUTO_TEST_CASE(a_text_that_is_cut_off_loses_nothing) {
    for (const std::string rest : {"", ".", ".\r", "x", "x\r", "\r"}) {
        GopherTextDecoder decoder;
        std::string decoded;
        BOOST_TEST(decoder.decode("one\r\n" + rest, decoded) == 5 + rest.size());
        BOOST_TEST(!decoder.ended());
        decoder.finish(decoded);
        BOOST_TEST(decoded == "one\n" + rest);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
