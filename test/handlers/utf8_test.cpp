#include <socketserver/utf8.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace socketserver::test {

namespace {

// A value as UTF-8 writes it, whether it may or not.
std::string encode(std::uint32_t value) {
    const auto byte = [](std::uint32_t bits) { return static_cast<char>(static_cast<unsigned char>(bits)); };
    const auto tail = [&](unsigned shift) { return byte(0x80U | ((value >> shift) & 0x3fU)); };
    if (value < 0x80)
        return {byte(value)};
    if (value < 0x800)
        return {byte(0xc0U | (value >> 6U)), tail(0)};
    if (value < 0x10000)
        return {byte(0xe0U | (value >> 12U)), tail(6), tail(0)};
    return {byte(0xf0U | (value >> 18U)), tail(12), tail(6), tail(0)};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(utf8)

BOOST_AUTO_TEST_CASE(counts_characters_not_bytes) {
    BOOST_TEST(count_characters("") == 0U);
    BOOST_TEST(count_characters("hello") == 5U);
    BOOST_TEST(count_characters("hello世界") == 7U);
    BOOST_TEST(count_characters("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80") == 3U);
    BOOST_TEST(count_characters(std::string_view("a\0b", 3)) == 3U);
}

BOOST_AUTO_TEST_CASE(counts_every_scalar_value_once_and_each_byte_of_what_is_none) {
    for (std::uint32_t value = 0; value < 0x200000; ++value) {
        const std::string text = encode(value);
        const bool is_scalar = value < 0xd800 || (value > 0xdfff && value < 0x110000);
        if (count_characters(text) != (is_scalar ? 1 : text.size()))
            BOOST_FAIL("U+" << std::hex << value);
    }
}

BOOST_AUTO_TEST_CASE(counts_each_byte_of_overlong_forms) {
    BOOST_TEST(count_characters("\xc0\xaf") == 2U);
    BOOST_TEST(count_characters("\xc1\xbf") == 2U);
    BOOST_TEST(count_characters("\xe0\x80\xaf") == 3U);
    BOOST_TEST(count_characters("\xe0\x9f\xbf") == 3U);
    BOOST_TEST(count_characters("\xf0\x80\x80\xaf") == 4U);
    BOOST_TEST(count_characters("\xf0\x8f\xbf\xbf") == 4U);
}

BOOST_AUTO_TEST_CASE(counts_each_byte_of_sequences_cut_short) {
    const std::string_view whole = "\xf0\x9f\x98\x80";
    for (std::size_t length = 1; length < whole.size(); ++length) {
        const std::string part(whole.substr(0, length));
        BOOST_TEST(count_characters(part) == length);
        BOOST_TEST(count_characters(part + "a") == length + 1);
        BOOST_TEST(count_characters(part + "\xc3\xa4") == length + 1);
    }
}

BOOST_AUTO_TEST_CASE(counts_each_byte_that_no_character_has) {
    BOOST_TEST(count_characters("\x80") == 1U);
    BOOST_TEST(count_characters("\xbf\x80") == 2U);
    for (int byte = 0xf5; byte <= 0xff; ++byte)
        BOOST_TEST(count_characters(std::string(1, static_cast<char>(byte)) + "\x80\x80\x80") == 4U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
