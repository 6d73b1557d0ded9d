#include <socketserver/os/printable.hpp>
#include <socketserver/os/utf8.hpp>

#include <support/case_guard.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

namespace socketserver::test {

using namespace std::string_literals;

BOOST_FIXTURE_TEST_SUITE(printable_text, CaseGuard)

BOOST_AUTO_TEST_CASE(text_stays_as_it_is) {
    for (const std::string text :
         {"", "plain ~", "a\\b", "gr\xc3\xbc\xc3\x9f", "\xe4\xb8\x96\xe7\x95\x8c", "\xf0\x9f\x98\x80", "\xc2\xa0"}) {
        BOOST_TEST(is_printable(text));
        BOOST_TEST(printable(text) == text);
    }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_printed_stands_as_its_bytes) {
    const auto check = [](const std::string& text, const std::string& expected) {
        BOOST_TEST(!is_printable(text));
        BOOST_TEST(printable(text) == expected);
    };
    check("\x1b]0;title\x07", "\\x1b]0;title\\x07");
    check("a\r\nb\tc\0"s, "a\\x0d\\x0ab\\x09c\\x00");
    check("\x7f", "\\x7f");
    // C1, as characters and as bytes of other encodings.
    check("\xc2\x80 \xc2\x9b"
          "31m \xc2\x9f",
          "\\xc2\\x80 \\xc2\\x9b31m \\xc2\\x9f");
    check("\x9b"
          "31m",
          "\\x9b31m");
    // No UTF-8: cut, overlong, surrogates, too great, a lone continuation.
    check("\xc3", "\\xc3");
    check("\xe4\xb8.", "\\xe4\\xb8.");
    check("\xc0\x9b", "\\xc0\\x9b");
    check("\xe0\x82\x9b", "\\xe0\\x82\\x9b");
    check("\xed\xa0\x80", "\\xed\\xa0\\x80");
    check("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
    check("\xbf", "\\xbf");
    // The direction of writing, and line separators.
    check({'\xe2', '\x80', '\xae'}, "\\xe2\\x80\\xae");
    check({'\xe2', '\x81', '\xa6'}, "\\xe2\\x81\\xa6");
    check("\xe2\x80\xa8", "\\xe2\\x80\\xa8");
    check("\xd8\x9c", "\\xd8\\x9c");
}

BOOST_AUTO_TEST_CASE(made_safe_once_more_it_is_the_same) {
    std::string all;
    for (int i = 0; i < 256; ++i)
        all += static_cast<char>(i);
    const std::string once = printable(all);
    BOOST_TEST(is_printable(once));
    BOOST_TEST(printable(once) == once);
}

BOOST_AUTO_TEST_CASE(a_document_keeps_its_lines_in_whatever_pieces_it_comes) {
    const std::string text =
        "one\r\ntwo\n\tgr\xc3\xbc\xc3\x9f \xe4\xb8\x96 \xf0\x9f\x98\x80\r\x1b[2J\xc2\x9b\xe4\xb8\n\xf0\x9f";
    const std::string expected =
        "one\r\ntwo\n\tgr\xc3\xbc\xc3\x9f \xe4\xb8\x96 \xf0\x9f\x98\x80\\x0d\\x1b[2J\\xc2\\x9b\\xe4\\xb8\n\\xf0\\x9f";
    for (std::size_t size = 1; size <= text.size(); ++size) {
        PrintableDocument document;
        std::string safe;
        for (std::size_t at = 0; at < text.size(); at += size)
            safe += document.take(std::string_view(text).substr(at, size));
        safe += document.finish();
        BOOST_TEST(safe == expected);
    }
    PrintableDocument complete;
    BOOST_TEST(complete.take("all \xc3\xbc\n") == "all \xc3\xbc\n");
}

BOOST_AUTO_TEST_CASE(a_character_has_a_length) {
    BOOST_TEST(utf8_length("") == 0U);
    BOOST_TEST(utf8_length("ab") == 1U);
    BOOST_TEST(utf8_length("\xc3\xbcx") == 2U);
    BOOST_TEST(utf8_length("\xf0\x9f\x98\x80x") == 4U);
    BOOST_TEST(utf8_length("\xff") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
