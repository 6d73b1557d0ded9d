#include "support/case_guard.hpp"

#include <socketserver/handlers/command_reply.hpp>

#include <boost/test/unit_test.hpp>

#include <limits>
#include <string>

namespace socketserver::test {

namespace {

using End = CommandReply::End;

const CommandReply replies[]{
    {.end = End::exited, .status = 0, .length = 0},
    {.end = End::exited, .status = 7, .length = 12},
    {.end = End::exited, .status = 255, .length = 1'048'576},
    {.end = End::timeout, .length = 3},
    {.end = End::truncated, .length = std::numeric_limits<std::size_t>::max()},
    {.end = End::error, .length = 45},
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(command_reply, CaseGuard)

BOOST_AUTO_TEST_CASE(a_head_is_a_status_and_a_length) {
    BOOST_TEST(to_string({.end = End::exited, .status = 3, .length = 12}) == "3 12\n");
    BOOST_TEST(to_string({.end = End::timeout, .length = 0}) == "timeout 0\n");
    BOOST_TEST(to_string({.end = End::truncated, .length = 1'048'576}) == "truncated 1048576\n");
    BOOST_TEST(to_string({.end = End::error, .length = 1}) == "error 1\n");
}

BOOST_AUTO_TEST_CASE(byte_by_byte_a_head_is_incomplete_until_its_newline) {
    for (const CommandReply& reply : replies) {
        const std::string head = to_string(reply);
        for (std::size_t size = 0; size < head.size(); ++size)
            BOOST_TEST(parse_command_reply(head.substr(0, size)).is_incomplete(), head.substr(0, size));
        for (const std::string rest : {"", "output\n", "0 0\n"}) {
            const auto result = parse_command_reply(head + rest);
            BOOST_REQUIRE(result.has_value());
            BOOST_TEST((*result == reply));
            BOOST_TEST(result.consumed() == head.size());
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_head_is_an_error) {
    for (const std::string bytes : {"\n",
                                    " \n",
                                    "0\n",
                                    "0 \n",
                                    " 0\n",
                                    "0  0\n",
                                    "0 0 \n",
                                    "0 0 0\n",
                                    "-1 0\n",
                                    "0 -1\n",
                                    "256 0\n",
                                    "+1 0\n",
                                    "00 0\n",
                                    "0 00\n",
                                    "0x1 0\n",
                                    "late 0\n",
                                    "Timeout 0\n",
                                    "timeout\n",
                                    "timeout 0\r\n",
                                    "0 99999999999999999999\n",
                                    "99999999999 0\n",
                                    "HTTP/1.1 200 OK\n",
                                    "[Fri Nov 20 20:31:00 2026] x\n"}) {
        const auto result = parse_command_reply(bytes);
        BOOST_TEST(result.is_error(), bytes);
    }
    BOOST_TEST(parse_command_reply(std::string("0\0 0\n", 5)).is_error());
}

BOOST_AUTO_TEST_CASE(bytes_without_a_newline_are_not_kept_for_ever) {
    BOOST_TEST(parse_command_reply(std::string(31, '1')).is_incomplete());
    BOOST_TEST(parse_command_reply(std::string(32, '1')).is_error());
    BOOST_TEST(parse_command_reply(std::string(32, '1') + '\n').is_error());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
