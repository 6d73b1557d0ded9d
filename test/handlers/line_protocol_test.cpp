#include "no_connection.hpp"
#include "recording.hpp"
#include "support/case_guard.hpp"
#include "support/clients.hpp"
#include "support/served.hpp"
#include "support/signals_in_children.hpp"

#include <socketserver/aliases.hpp>
#include <socketserver/line_protocol.hpp>
#include <socketserver/net/socket_functions.hpp>

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

// How input is cut into lines: first without a server, whatever the pieces it comes in; then under every concurrency.

namespace socketserver::test {

namespace {

// Keeps what it is called for; a line may be a command.
class Lines : public LineProtocol {
public:
    Lines(Socket& connection, const Address& client, ServerContext& context, std::size_t longest = 20)
        : LineProtocol(connection, client, context) {
        max_length = longest;
    }

    using LineProtocol::set_line_mode;
    using LineProtocol::set_raw_mode;
    using LineProtocol::set_terminator;

    void line_received(std::string_view line) override {
        calls.push_back("line " + std::string(line));
        if (line == "raw")
            set_raw_mode();
        else if (line == "five")
            set_terminator(5);
        else if (line == "lines")
            set_line_mode();
        else if (line == "dots")
            set_terminator("..");
        else if (line == "close")
            transport.lose_connection();
    }

    void raw_data_received(std::string_view data) override {
        raw += data;
        // Up to a '!', the rest is lines again.
        const std::size_t end = raw.find('!');
        if (end == std::string::npos)
            return;
        calls.push_back("raw " + raw.substr(0, end));
        const std::string unread = raw.substr(end + 1);
        raw.clear();
        set_line_mode(unread);
    }

    void line_length_exceeded(std::string_view beginning) override {
        calls.push_back("long " + std::string(beginning));
        if (closes_if_long)
            transport.lose_connection();
    }

    std::vector<std::string> calls;
    std::string raw;
    bool closes_if_long = false;
};

using Calls = std::vector<std::string>;

// What a protocol is called for, given its input in pieces that end at these places.
Calls calls_for(std::string_view input, std::vector<std::size_t> places, std::string_view terminator = {}) {
    NoConnection none;
    Lines lines(none.connection, none.client, none.server);
    if (!terminator.empty())
        lines.set_terminator(terminator);
    places.push_back(input.size());
    for (std::size_t from = 0; const std::size_t to : places) {
        lines.data_received(input.substr(from, to - from));
        from = to;
    }
    lines.eof_received();
    return lines.calls;
}

std::vector<std::size_t> everywhere(std::string_view input) {
    std::vector<std::size_t> places;
    for (std::size_t i = 1; i < input.size(); ++i)
        places.push_back(i);
    return places;
}

// Whole, in two pieces of any size, and byte by byte.
void check(std::string_view input, const Calls& expected, std::string_view terminator = {}) {
    BOOST_TEST_CONTEXT(input) {
        BOOST_TEST(calls_for(input, {}, terminator) == expected, boost::test_tools::per_element());
        for (std::size_t i = 1; i < input.size(); ++i)
            BOOST_TEST(calls_for(input, {i}, terminator) == expected, boost::test_tools::per_element());
        BOOST_TEST(calls_for(input, everywhere(input), terminator) == expected, boost::test_tools::per_element());
    }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(line_protocol, CaseGuard)

BOOST_AUTO_TEST_CASE(takes_both_line_ends) {
    check("one\ntwo\r\n\n\r\nth\rree\r\r\n", {"line one", "line two", "line ", "line ", "line th\rree\r"});
}

BOOST_AUTO_TEST_CASE(takes_a_last_line_without_an_end) {
    check("one\ntwo", {"line one", "line two"});
    check("one\ntwo\r", {"line one", "line two\r"});
    check("", {});
}

BOOST_AUTO_TEST_CASE(takes_a_terminator_of_several_bytes) {
    check("one\r\n\r\ntwo\n\r\n\r\n\r\n", {"line one", "line two\n", "line \r\n"}, "\r\n\r\n");
    check("aaabxaababaab", {"line a", "line x", "line ab"}, "aab");
}

BOOST_AUTO_TEST_CASE(changes_the_terminator_for_what_comes_behind_the_line) {
    check("one\ndots\ntwo\n..three..x", {"line one", "line dots", "line two\n", "line three", "line x"});
}

BOOST_AUTO_TEST_CASE(takes_blocks_of_a_number_of_bytes) {
    check("five\n1\n34512345lineslines\nrest",
          {"line five", "line 1\n345", "line 12345", "line lines", "line lines", "line rest"});
    check("five\n12345", {"line five", "line 12345"});
}

BOOST_AUTO_TEST_CASE(takes_raw_data_between_lines) {
    check("raw\none\r\ntwo!three\nraw\n!four\n",
          {"line raw", "raw one\r\ntwo", "line three", "line raw", "raw ", "line four"});
}

BOOST_AUTO_TEST_CASE(passes_over_what_is_left_of_a_line_that_is_too_long) {
    const std::string twenty(20, 'x');
    check(twenty + "\nnext\n", {"line " + twenty, "line next"});
    check(twenty + "\r\nnext\r\n", {"line " + twenty, "line next"});
    check(twenty + "x\nnext\n", {"long " + twenty, "line next"});
    check(twenty + "\rx\r\nnext\n", {"long " + twenty, "line next"});
    check(twenty + twenty + twenty + "\r\nnext", {"long " + twenty, "line next"});
    check(twenty + "..next..", {"line " + twenty, "line next"}, "..");
    check(twenty + ".x..next..", {"long " + twenty, "line next"}, "..");
    check(twenty + "x", {"long " + twenty});
    check(twenty + "\r", {"long " + twenty});
}

BOOST_AUTO_TEST_CASE(calls_back_no_more_once_the_connection_is_being_closed) {
    NoConnection none;
    Lines lines(none.connection, none.client, none.server);
    lines.data_received("close\none\n");
    BOOST_TEST(lines.calls == Calls{"line close"}, boost::test_tools::per_element());
    BOOST_TEST(!lines.expects_input());
}

BOOST_AUTO_TEST_CASE(may_close_the_connection_for_a_line_that_is_too_long) {
    NoConnection none;
    Lines lines(none.connection, none.client, none.server);
    lines.closes_if_long = true;
    lines.data_received(std::string(30, 'x') + "\nnext\n");
    BOOST_TEST(lines.calls == Calls{"long " + std::string(20, 'x')}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(refuses_terminators_that_make_no_sense) {
    NoConnection none;
    Lines lines(none.connection, none.client, none.server);
    BOOST_CHECK_THROW(lines.set_terminator(""), std::invalid_argument);
    BOOST_CHECK_THROW(lines.set_terminator(0), std::invalid_argument);
    lines.set_terminator(20);
    BOOST_CHECK_EXCEPTION(lines.set_terminator(21), system_error, [](const system_error& error) {
        return error.code() == boost::system::errc::message_size &&
               std::string_view(error.what()).starts_with("a block longer than 20 bytes from 127.0.0.1:5000: ");
    });
}

BOOST_AUTO_TEST_CASE(takes_a_block_that_ends_early_for_an_error) {
    NoConnection none;
    Lines lines(none.connection, none.client, none.server);
    lines.data_received("five\n1234");
    BOOST_CHECK_EXCEPTION(lines.eof_received(), system_error, [](const system_error& error) {
        return error.code() == boost::system::errc::connection_aborted;
    });
}

BOOST_AUTO_TEST_CASE(ends_after_the_lines_that_the_server_allows) {
    NoConnection none;
    none.server.options.max_lines = 2;
    Lines lines(none.connection, none.client, none.server);
    lines.data_received("one\n");
    BOOST_TEST(lines.expects_input());
    lines.data_received("two\nthree\n");
    BOOST_TEST(lines.calls == (Calls{"line one", "line two"}), boost::test_tools::per_element());
    BOOST_TEST(!lines.expects_input());
}

// ---- Under every concurrency ------------------------------------------------------------------------------

namespace {

class Echo : public LineProtocol {
public:
    Echo(Socket& the_request, const Address& client, ServerContext& the_server, Recording& recording)
        : LineProtocol(the_request, client, the_server), recording_(recording) {
        max_length = 10;
    }
    void connection_made() override { receive_directly(SIGTERM); }
    void line_received(std::string_view line) override {
        transport << '<' << line << ">\n";
        if (line != "much")
            return;
        transport << std::string(much, 'y');
        transport.lose_connection();
    }
    void connection_lost(const error_code& reason) override { recording_.add("lost(" + name_of(reason) + ")"); }

    static constexpr std::size_t much = 2'000'000;

private:
    Recording& recording_;
};

using EveryConcurrency = boost::mpl::list<Blocking, Forking, Threading, Selecting>;

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(answers_lines_that_come_in_pieces, Concurrency, EveryConcurrency) {
    Recording recording;
    Served<Echo, Concurrency> serving(silent(), recording);
    Client client = serving.connect();
    client.send("one\r\ntwo\nth");
    BOOST_TEST(client.read_line() == "<one>\n");
    BOOST_TEST(client.read_line() == "<two>\n");
    client.send("ree\r");
    client.send("\nfour");
    BOOST_TEST(client.read_line() == "<three>\n");
    client.half_close();
    BOOST_TEST(client.read_all() == "<four>\n");
    serving.stop();
    BOOST_TEST(recording.text() == "lost() ");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(answers_what_came_before_a_line_that_is_too_long, Concurrency, EveryConcurrency) {
    Recording recording;
    Served<Echo, Concurrency> serving(silent(), recording);
    Client client = serving.connect();
    client.send("one\n12345678901");
    BOOST_TEST(client.read_all() == "<one>\n");
    serving.stop();
    BOOST_TEST(recording.text() == "lost(EMSGSIZE) ");
    BOOST_TEST(serving.statistics().failed == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(loses_nothing_that_it_wrote_for_what_it_has_not_read, Concurrency, EveryConcurrency) {
    Recording recording;
    Served<Echo, Concurrency> serving(silent(), recording);
    Client client = serving.connect();
    client.send("much\n" + std::string(20'000, 'x'));
    BOOST_TEST(client.read_line() == "<much>\n");
    BOOST_TEST(client.read_all().size() == Echo::much);
    serving.stop();
    BOOST_TEST(recording.text() == "lost() ");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(drops_an_unfinished_line_when_the_server_stops, Concurrency, EveryConcurrency) {
    Recording recording;
    Served<Echo, Concurrency> serving(silent(), recording);
    Client client = serving.connect();
    client.send("one\ntw");
    BOOST_TEST(client.read_line() == "<one>\n");
    serving.stop();
    BOOST_TEST(client.read_all() == "");
    BOOST_TEST(recording.text() == "lost() ");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
