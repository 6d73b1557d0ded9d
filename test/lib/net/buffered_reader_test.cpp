#include <socketserver/net/buffered_reader.hpp>

#include "fixtures.hpp"
#include "support/case_guard.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socketserver::test {

namespace {

using namespace std::literals;

using Lines = std::vector<std::string>;

Lines all_lines(BufferedReader& reader, std::size_t limit = BufferedReader::default_line_limit) {
    Lines lines;
    while (const auto line = reader.read_line(limit))
        lines.emplace_back(*line);
    return lines;
}

Lines lines_of(std::vector<std::string> chunks) {
    FakeStream stream(std::move(chunks));
    BufferedReader reader(stream);
    return all_lines(reader);
}

/// Every way to cut a text into two pieces, and into single bytes.
std::vector<std::vector<std::string>> splits(const std::string& text) {
    std::vector<std::vector<std::string>> ways;
    for (std::size_t at = 0; at <= text.size(); ++at)
        ways.push_back({text.substr(0, at), text.substr(at)});
    std::vector<std::string>& single = ways.emplace_back();
    for (const char byte : text)
        single.emplace_back(1, byte);
    return ways;
}

/// A FakeStream that waits before each read, as a fiber does.
class WaitingStream final : public FakeStream {
public:
    using FakeStream::FakeStream;

    IoResult read_some_lazily(ReadBuffer& buffer, const ReadLimits&, error_code& error) override {
        buffer.give_back();
        at_wait();
        return read_some(buffer.obtain(), error);
    }

    std::function<void()> at_wait = [] {};
};

bool is_too_long(const system_error& error) {
    return error.code() == boost::system::errc::message_size;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(buffered_reader, CaseGuard)

BOOST_AUTO_TEST_CASE(next_line_strips_the_line_end) {
    BOOST_TEST(lines_of({"one\ntwo\r\n\n\r\nthree\r\r\n"}) == (Lines{"one", "two", "", "", "three\r"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(readline_keeps_the_line_end_and_is_empty_at_the_end) {
    FakeStream stream({"one\ntwo\r\n\nlast"});
    BufferedReader reader(stream);
    BOOST_TEST(reader.readline() == "one\n");
    BOOST_TEST(reader.readline() == "two\r\n");
    BOOST_TEST(reader.readline() == "\n");
    BOOST_TEST(reader.readline() == "last");
    BOOST_TEST(reader.readline() == "");
    BOOST_TEST(reader.readline() == "");
}

BOOST_AUTO_TEST_CASE(a_last_line_without_its_end_is_a_line) {
    BOOST_TEST(lines_of({"one\nla", "st"}) == (Lines{"one", "last"}), boost::test_tools::per_element());
    BOOST_TEST(lines_of({"last\r"}) == (Lines{"last\r"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_empty_stream_has_no_lines) {
    BOOST_TEST(lines_of({}).empty());
    BufferedReader nothing(""sv);
    BOOST_TEST(!nothing.read_line().has_value());
    BOOST_TEST(nothing.readline() == "");
    BOOST_TEST(nothing.read_some() == "");
    BOOST_TEST(nothing.read(3) == "");
    BOOST_TEST(nothing.read_all(3) == "");
}

BOOST_AUTO_TEST_CASE(nul_bytes_are_ordinary_bytes) {
    const std::string text = "a\0b\n\0\n"s;
    BOOST_TEST(lines_of({text}) == (Lines{"a\0b"s, "\0"s}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(lines_do_not_depend_on_how_reads_split_them) {
    for (const auto& chunks : splits("GET /\r\nHost: x\n\r\n\nb\0dy\r\nlast"s))
        BOOST_TEST(lines_of(chunks) == (Lines{"GET /", "Host: x", "", "", "b\0dy"s, "last"}),
                   boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_line_as_long_as_the_limit_is_taken_however_it_is_split) {
    for (const std::string end : {"\n", "\r\n"}) {
        for (const auto& chunks : splits("12345678" + end + "next\n")) {
            FakeStream stream(chunks);
            BufferedReader reader(stream);
            BOOST_TEST(all_lines(reader, 8) == (Lines{"12345678", "next"}), boost::test_tools::per_element());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_line_longer_than_the_limit_is_an_error_however_it_is_split) {
    for (const std::string text : {"123456789\n", "123456789\r\n", "12345678\r\r\n", "12345678\rx\n", "123456789"}) {
        for (const auto& chunks : splits("ok\n" + text)) {
            FakeStream stream(chunks);
            BufferedReader reader(stream);
            BOOST_TEST(reader.read_line(8).value() == "ok");
            BOOST_CHECK_EXCEPTION(reader.read_line(8), system_error, is_too_long);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_carriage_return_at_the_end_of_the_stream_counts_as_a_byte_of_the_line) {
    FakeStream stream({"12345678\r"});
    BufferedReader reader(stream);
    BOOST_CHECK_EXCEPTION(reader.read_line(8), system_error, is_too_long);
    FakeStream shorter({"1234567\r"});
    BufferedReader second(shorter);
    BOOST_TEST(second.read_line(8).value() == "1234567\r");
}

BOOST_AUTO_TEST_CASE(a_limit_of_nothing_takes_empty_lines) {
    for (const auto& chunks : splits("\n\r\n")) {
        FakeStream stream(chunks);
        BufferedReader reader(stream);
        BOOST_TEST(all_lines(reader, 0).size() == 2U);
    }
    FakeStream stream({"x\n"});
    BufferedReader reader(stream);
    BOOST_CHECK_EXCEPTION(reader.read_line(0), system_error, is_too_long);
}

BOOST_AUTO_TEST_CASE(the_error_of_a_line_too_long_names_the_limit_and_the_peer) {
    FakeStream stream({"123456789\n"});
    BufferedReader reader(stream);
    CHECK_FAILS(reader.read_line(8), EMSGSIZE, "a line longer than 8 bytes from the.peer:1");
}

BOOST_AUTO_TEST_CASE(messages_about_a_peer_without_a_name_do_not_end_in_the_middle) {
    auto [server, client] = unix_connection();
    BufferedReader reader(server);
    client.sendall("123456789\n");
    CHECK_FAILS(reader.read_line(8), EMSGSIZE, "a line longer than 8 bytes: ");
    BufferedReader bytes("123456789\n"sv);
    CHECK_FAILS(bytes.read_all(8), EMSGSIZE, "more than 8 bytes: ");
}

BOOST_AUTO_TEST_CASE(an_endless_line_takes_no_more_than_the_limit) {
    // 16 MiB without a newline; a read never asks for more than twice what the limit needs.
    FakeStream stream(std::vector<std::string>(256, std::string(65'536, 'x')));
    BufferedReader reader(stream);
    BOOST_CHECK_EXCEPTION(reader.read_line(10'000), system_error, is_too_long);
    BOOST_TEST(reader.buffered() <= 4 * 10'000U);
    BOOST_TEST(stream.largest_read <= 4 * 10'000U);
    BOOST_CHECK_EXCEPTION(reader.read_line(10'000), system_error, is_too_long);
    BOOST_TEST(reader.buffered() <= 4 * 10'000U);
}

BOOST_AUTO_TEST_CASE(the_default_limit_is_64_kib) {
    FakeStream stream({std::string(65'536, 'x') + "\r\n", std::string(65'537, 'y') + "\n"});
    BufferedReader reader(stream);
    BOOST_TEST(reader.read_line().value().size() == 65'536U);
    BOOST_CHECK_EXCEPTION(reader.read_line(), system_error, is_too_long);
}

BOOST_AUTO_TEST_CASE(pipelined_lines_cost_one_read) {
    FakeStream stream({"1\n2\n3\n4\n"});
    BufferedReader reader(stream);
    for (const auto* expected : {"1", "2", "3", "4"})
        BOOST_TEST(reader.read_line().value() == expected);
    BOOST_TEST(stream.reads == 1);
    BOOST_TEST(!reader.read_line().has_value());
    BOOST_TEST(stream.reads == 2);
}

BOOST_AUTO_TEST_CASE(the_end_of_the_stream_is_asked_for_once) {
    FakeStream stream({"x"});
    BufferedReader reader(stream);
    BOOST_TEST(reader.read_line().value() == "x");
    BOOST_TEST(!reader.read_line().has_value());
    BOOST_TEST(reader.read_some() == "");
    BOOST_TEST(stream.reads == 2);
}

BOOST_AUTO_TEST_CASE(read_some_returns_what_there_is) {
    FakeStream stream({"hello", "world"});
    BufferedReader reader(stream);
    BOOST_TEST(reader.read_some(3) == "hel");
    BOOST_TEST(reader.buffered() == 2U);
    BOOST_TEST(reader.read_some() == "lo");
    BOOST_TEST(stream.reads == 1);
    BOOST_TEST(reader.read_some() == "world");
    BOOST_TEST(reader.read_some() == "");
}

BOOST_AUTO_TEST_CASE(read_returns_as_many_bytes_as_asked_for) {
    for (const auto& chunks : splits("0123456789")) {
        FakeStream stream(chunks);
        BufferedReader reader(stream);
        BOOST_TEST(reader.read(4) == "0123");
        BOOST_TEST(reader.read(0) == "");
        BOOST_TEST(reader.read(4) == "4567");
        BOOST_TEST(reader.read(4) == "89");
        BOOST_TEST(reader.read(4) == "");
    }
}

BOOST_AUTO_TEST_CASE(read_exact_fills_its_buffer_or_fails) {
    for (const auto& chunks : splits("0123456789")) {
        FakeStream stream(chunks);
        BufferedReader reader(stream);
        std::array<char, 4> block{};
        reader.read_exact(std::as_writable_bytes(std::span{block}));
        BOOST_TEST(std::string_view(block.data(), block.size()) == "0123");
        reader.read_exact({});
        reader.read_exact(std::as_writable_bytes(std::span{block}));
        BOOST_TEST(std::string_view(block.data(), block.size()) == "4567");
        CHECK_FAILS(reader.read_exact(std::as_writable_bytes(std::span{block})), ECONNABORTED, "the.peer:1");
    }
}

BOOST_AUTO_TEST_CASE(read_all_reads_to_the_end_and_not_past_its_limit) {
    for (const auto& chunks : splits("0123456789")) {
        FakeStream stream(chunks);
        BufferedReader reader(stream);
        BOOST_TEST(reader.read_all(10) == "0123456789");
        FakeStream again(chunks);
        BufferedReader second(again);
        CHECK_FAILS(second.read_all(9), EMSGSIZE, "more than 9 bytes from the.peer:1");
    }
}

BOOST_AUTO_TEST_CASE(a_body_follows_its_header_lines) {
    for (const auto& chunks : splits("length 5\r\n\r\nhellonext\n")) {
        FakeStream stream(chunks);
        BufferedReader reader(stream);
        BOOST_TEST(reader.read_line().value() == "length 5");
        BOOST_TEST(reader.read_line().value() == "");
        BOOST_TEST(reader.read(5) == "hello");
        BOOST_TEST(reader.read_line().value() == "next");
    }
}

BOOST_AUTO_TEST_CASE(a_buffer_size_of_nothing_takes_nothing_past_the_line) {
    FakeStream stream({"one\ntwo\nrest"});
    BufferedReader reader(stream);
    reader.set_buffer_size(0);
    BOOST_TEST(reader.read_line().value() == "one");
    BOOST_TEST(reader.buffered() == 0U);
    BOOST_TEST(reader.read_line().value() == "two");
    BOOST_TEST(reader.buffered() == 0U);
    std::array<std::byte, 8> rest{};
    error_code error;
    BOOST_TEST(stream.read_some(rest, error).bytes == 4U);
}

BOOST_AUTO_TEST_CASE(any_buffer_size_reads_the_same_lines) {
    for (std::size_t size = 0; size < 12; ++size) {
        FakeStream stream({"one\ntwo and more\r\n\nlast"});
        BufferedReader reader(stream);
        reader.set_buffer_size(size);
        BOOST_TEST(all_lines(reader) == (Lines{"one", "two and more", "", "last"}), boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(the_stream_ends_after_max_lines) {
    FakeStream stream({"1\n2\n3\n"});
    BufferedReader reader(stream);
    reader.set_max_lines(2);
    BOOST_TEST(all_lines(reader) == (Lines{"1", "2"}), boost::test_tools::per_element());
    BOOST_TEST(reader.readline() == "");
    reader.set_max_lines(0);
    BOOST_TEST(reader.readline() == "3\n");
}

BOOST_AUTO_TEST_CASE(reads_bytes_that_are_all_there) {
    BufferedReader reader("one\r\ntwo"sv);
    BOOST_TEST(reader.fileno() == -1);
    BOOST_TEST(reader.buffered() == 8U);
    BOOST_TEST(all_lines(reader) == (Lines{"one", "two"}), boost::test_tools::per_element());
    BufferedReader block("abc"sv);
    std::array<std::byte, 4> four{};
    BOOST_CHECK_THROW(block.read_exact(four), system_error);
}

BOOST_AUTO_TEST_CASE(a_failure_at_any_read_is_an_error_that_names_the_peer) {
    const auto read_it_all = [](FakeStream& stream) {
        BufferedReader reader(stream);
        reader.set_buffer_size(4);
        Lines seen;
        seen.emplace_back(reader.read_line().value_or(""));
        seen.emplace_back(reader.readline());
        seen.emplace_back(reader.read(5));
        std::array<char, 5> block{};
        reader.read_exact(std::as_writable_bytes(std::span{block}));
        seen.emplace_back(block.data(), block.size());
        seen.emplace_back(reader.read_some());
        seen.emplace_back(reader.read_all(100));
        return seen;
    };
    const std::vector<std::string> chunks{"first line\nsec", "ond\n12", "34512345", "x", "yz"};
    FakeStream whole(chunks);
    const Lines expected{"first line", "second\n", "12345", "12345", "x", "yz"};
    BOOST_TEST(read_it_all(whole) == expected, boost::test_tools::per_element());
    for (int n = 1; n <= whole.reads; ++n) {
        FakeStream stream(chunks);
        stream.fail_at(n);
        CHECK_FAILS(read_it_all(stream), ECONNRESET, "recv from the.peer:1");
        BOOST_TEST(stream.reads == n);
    }
}

BOOST_AUTO_TEST_CASE(a_reader_can_go_on_after_a_time_out) {
    FakeStream stream({"half "});
    stream.at_end = IoStatus::timed_out;
    BufferedReader reader(stream);
    CHECK_FAILS(reader.read_line(), ETIMEDOUT, "recv from the.peer:1");
    CHECK_FAILS(reader.read_line(), ETIMEDOUT, "recv from the.peer:1");
    stream.at_end = IoStatus::would_block;
    CHECK_FAILS(reader.read_line(), EAGAIN, "the.peer:1");
    stream.at_end = IoStatus::cut;
    CHECK_FAILS(reader.read_line(), ECANCELED, "the.peer:1");
    stream.at_end = IoStatus::eof;
    BOOST_TEST(reader.read_line().value() == "half ");
}

BOOST_AUTO_TEST_CASE(a_stop_ends_the_stream_after_the_last_whole_line) {
    FakeStream stream({"one\ntwo\nhal", "f"});
    stream.at_end = IoStatus::stopped;
    BufferedReader reader(stream);
    BOOST_TEST(all_lines(reader) == (Lines{"one", "two"}), boost::test_tools::per_element());
    BOOST_TEST(!reader.read_line().has_value());
}

BOOST_AUTO_TEST_CASE(holds_no_buffer_while_it_waits_with_nothing_unread) {
    WaitingStream stream({"one\ntwo\nhal", "f\n", "last"});
    BufferedReader reader(stream);
    const char* const first = reader.read_line().value().data();
    stream.at_wait = [&] {
        // The pool gives out last what came back last.
        BOOST_TEST((PooledBuffer(1).data() == first) == (reader.buffered() == 0));
    };
    BOOST_TEST(reader.read_line().value() == "two");
    BOOST_TEST(stream.reads == 1);
    BOOST_TEST(reader.read_line().value() == "half");
    BOOST_TEST(reader.read_line().value() == "last");
    BOOST_TEST(!reader.read_line().has_value());
}

BOOST_AUTO_TEST_CASE(asks_for_little_until_that_has_been_filled_once) {
    const std::string text(2 * PooledBuffer::small_size, 'x');
    WaitingStream stream({"one\n", "two\n", text + "\n", "next\n"});
    BufferedReader reader(stream);
    BOOST_TEST(reader.read_line().value() == "one");
    BOOST_TEST(reader.read_line().value() == "two");
    BOOST_TEST(stream.largest_read == PooledBuffer::small_size);
    BOOST_TEST(reader.read_line().value() == text);
    stream.largest_read = 0;
    BOOST_TEST(reader.read_line().value() == "next");
    BOOST_TEST(stream.largest_read == BufferedReader::default_buffer_size);
}

BOOST_AUTO_TEST_CASE(a_buffer_that_had_to_grow_is_given_back_too) {
    const std::string text(3 * PooledBuffer::pooled_size, 'x');
    WaitingStream stream({text + "\n", "next\n"});
    BufferedReader reader(stream);
    BOOST_TEST(reader.read_line().value() == text);
    BOOST_TEST(reader.read_line().value() == "next");
    BOOST_TEST(stream.largest_read <= 4 * PooledBuffer::pooled_size);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
