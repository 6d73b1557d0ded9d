#include <socketserver/net/buffered_writer.hpp>

#include "fixtures.hpp"
#include "support/case_guard.hpp"

#include <socketserver/net/address.hpp>
#include <socketserver/net/buffered_reader.hpp>
#include <socketserver/net/waiter.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <limits>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace socketserver::test {

namespace {

using namespace std::literals;

std::string joined(const std::vector<std::string>& pieces) {
    std::string all;
    for (const std::string& piece : pieces)
        all += piece;
    return all;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(buffered_writer, CaseGuard)

BOOST_AUTO_TEST_CASE(what_is_written_waits_for_a_flush) {
    FakeStream stream;
    BufferedWriter writer(stream);
    BOOST_TEST(writer.write("one ") == 4U);
    writer << "two";
    BOOST_TEST(stream.written.empty());
    BOOST_TEST(writer.pending() == "one two");
    writer.flush();
    BOOST_TEST(stream.written == std::vector<std::string>{"one two"}, boost::test_tools::per_element());
    BOOST_TEST(writer.pending() == "");
    writer.flush();
    BOOST_TEST(stream.written.size() == 1U);
}

BOOST_AUTO_TEST_CASE(truth_values_and_manipulators_are_written_as_to_a_stream) {
    FakeStream stream;
    BufferedWriter writer(stream);
    writer << true << false;
    BOOST_TEST(writer.pending() == "10");
    writer << "one" << std::endl << "two" << std::flush << "three" << std::ends;
    BOOST_TEST(stream.written == (std::vector<std::string>{"10one\n", "two"}), boost::test_tools::per_element());
    BOOST_TEST(writer.pending() == std::string("three\0", 6));
    // For a datagram there is nothing to send before it is complete.
    BufferedWriter collecting;
    collecting << "one" << std::endl << "two" << std::flush;
    BOOST_TEST(collecting.pending() == "one\ntwo");
    // What fails is told as by the writer itself.
    BufferedWriter full;
    full << std::string(BufferedWriter::max_collected, 'x');
    BOOST_CHECK_THROW(full << std::endl, system_error);
}

BOOST_AUTO_TEST_CASE(writes_text_characters_numbers_and_addresses) {
    FakeStream stream;
    BufferedWriter writer(stream);
    writer << "text "sv
           << "literal " << std::string("string ") << 'c' << ' ' << 42 << ' ' << -7L << ' '
           << std::numeric_limits<std::uint64_t>::max() << ' ' << std::numeric_limits<std::int64_t>::min() << ' '
           << std::uint8_t{200} << ' ' << 0.1 << ' ' << 2.5F << ' ' << Address("127.0.0.1", 80);
    writer.flush();
    BOOST_TEST(joined(stream.written) ==
               "text literal string c 42 -7 18446744073709551615 -9223372036854775808 200 0.1 2.5 127.0.0.1:80");
}

BOOST_AUTO_TEST_CASE(every_number_fits) {
    FakeStream stream;
    BufferedWriter writer(stream);
    writer << std::numeric_limits<long double>::denorm_min() << ' ' << std::numeric_limits<double>::lowest() << ' '
           << std::numeric_limits<double>::infinity();
    BOOST_TEST(writer.pending().ends_with("-1.7976931348623157e+308 inf"));
}

BOOST_AUTO_TEST_CASE(nul_bytes_are_ordinary_bytes) {
    FakeStream stream;
    BufferedWriter writer(stream);
    writer << "a\0b"sv << '\0';
    writer.flush();
    BOOST_TEST(joined(stream.written) == "a\0b\0"s);
}

BOOST_AUTO_TEST_CASE(sends_when_a_buffer_full_is_pending) {
    FakeStream stream;
    BufferedWriter writer(stream);
    const std::string piece(1000, 'x');
    for (int i = 0; i < 16; ++i)
        writer.write(piece);
    BOOST_TEST(stream.written.empty());
    writer.write(piece);
    BOOST_TEST(stream.written.size() == 1U);
    BOOST_TEST(joined(stream.written).size() + writer.pending().size() == 17'000U);
    BOOST_TEST(writer.pending().size() < BufferedWriter::default_buffer_size);
    writer.flush();
    BOOST_TEST(joined(stream.written).size() == 17'000U);
}

BOOST_AUTO_TEST_CASE(what_exactly_fills_the_buffer_is_sent) {
    FakeStream stream;
    BufferedWriter writer(stream);
    BOOST_TEST(writer.write(std::string(BufferedWriter::default_buffer_size - 1, 'x')) ==
               BufferedWriter::default_buffer_size - 1);
    BOOST_TEST(stream.written.empty());
    writer.write("y");
    BOOST_TEST(!stream.written.empty());
}

BOOST_AUTO_TEST_CASE(a_big_write_follows_what_was_pending) {
    FakeStream stream;
    BufferedWriter writer(stream);
    const std::string big = pattern(100'000);
    writer << "before ";
    BOOST_TEST(writer.write(big) == big.size());
    writer << " after";
    writer.flush();
    BOOST_TEST(joined(stream.written) == "before " + big + " after");
}

BOOST_AUTO_TEST_CASE(a_buffer_size_of_nothing_sends_at_every_write) {
    FakeStream stream;
    BufferedWriter writer(stream);
    writer.set_buffer_size(0);
    writer << "one" << 2 << "three";
    BOOST_TEST(stream.written == (std::vector<std::string>{"one", "2", "three"}), boost::test_tools::per_element());
    BOOST_TEST(writer.pending() == "");
}

BOOST_AUTO_TEST_CASE(an_empty_write_sends_nothing) {
    auto [server, client] = tcp_connection();
    BufferedWriter writer(server);
    BOOST_TEST(writer.write("") == 0U);
    writer.set_buffer_size(0);
    BOOST_TEST(writer.write("") == 0U);
    writer.flush();
    client.setblocking(false);
    CHECK_FAILS(client.recv(1), EAGAIN, "recv");
}

BOOST_AUTO_TEST_CASE(pending_output_leaves_before_a_read_of_the_same_socket) {
    auto [server, client] = tcp_connection();
    BufferedReader reader(server);
    BufferedWriter writer(server);
    Background answering([&client = client] {
        if (client.recv(100) == "question")
            client.sendall("answer\n");
    });
    writer << "question";
    BOOST_TEST(reader.read_line().value() == "answer");
}

BOOST_AUTO_TEST_CASE(a_read_from_the_buffer_sends_nothing) {
    auto [server, client] = tcp_connection();
    BufferedReader reader(server);
    BufferedWriter writer(server);
    client.sendall("one\ntwo\n");
    BOOST_TEST_REQUIRE(arrive(server, 8));
    BOOST_TEST(reader.read_line().value() == "one");
    writer << "pending";
    BOOST_TEST(reader.read_line().value() == "two");
    BOOST_TEST(writer.pending() == "pending");
}

BOOST_AUTO_TEST_CASE(pending_output_leaves_before_a_read_of_another_socket) {
    auto [server, client] = tcp_connection();
    auto [backend, database] = unix_connection();
    BufferedWriter writer(server);
    writer << "working on it";
    Background answering([&client = client, &database = database] {
        if (client.recv(100) == "working on it")
            database.sendall("row");
    });
    BOOST_TEST(backend.recv(100) == "row");
}

BOOST_AUTO_TEST_CASE(pending_output_leaves_before_a_sleep) {
    auto [server, client] = tcp_connection();
    BufferedWriter writer(server);
    writer << "good night";
    BOOST_TEST((sleep_for(1ms) == WaitResult::timed_out));
    BOOST_TEST(writer.pending() == "");
    BOOST_TEST(client.recv(100) == "good night");
}

BOOST_AUTO_TEST_CASE(pending_output_leaves_before_accept_and_connect) {
    auto [server, client] = tcp_connection();
    BufferedWriter writer(server);
    Socket listener = create_server(Address("127.0.0.1", 0));
    writer << "connecting";
    Socket outgoing = create_connection(listener.getsockname());
    BOOST_TEST(client.recv(100) == "connecting");
    writer << "accepting";
    Socket incoming = listener.accept().first;
    BOOST_TEST(client.recv(100) == "accepting");
}

BOOST_AUTO_TEST_CASE(pending_output_leaves_before_bytes_sent_directly) {
    auto [server, client] = unix_connection();
    BufferedWriter writer(server);
    BufferedReader reader(client);
    writer << "1 ";
    server.send("2 ");
    writer << "3 ";
    server.sendall("4 ");
    writer << "5\n";
    writer.flush();
    BOOST_TEST(reader.read_line().value() == "1 2 3 4 5");
}

BOOST_AUTO_TEST_CASE(writers_of_one_context_send_in_the_order_in_which_they_were_first_written) {
    auto [server, client] = unix_connection();
    BufferedWriter first(server);
    BufferedWriter second(server);
    BufferedWriter third(server);
    first << "1";
    second << "2";
    third << "3";
    sleep_for(0ms);
    BOOST_TEST(client.recv(100) == "123");
}

BOOST_AUTO_TEST_CASE(a_writer_that_is_gone_is_not_flushed) {
    FakeStream stream;
    FakeStream other;
    BufferedWriter staying(other);
    staying << "staying";
    {
        BufferedWriter writer(stream);
        writer << "lost";
    }
    sleep_for(0ms);
    BOOST_TEST(stream.written.empty());
    BOOST_TEST(joined(other.written) == "staying");
}

BOOST_AUTO_TEST_CASE(sixteen_pipelined_requests_cost_one_send) {
    std::string requests;
    for (int i = 0; i < 16; ++i)
        requests += "request\n";
    FakeStream stream({requests});
    BufferedReader reader(stream);
    BufferedWriter writer(stream);
    while (const auto line = reader.read_line())
        writer << "reply to " << *line << '\n';
    writer.flush();
    BOOST_TEST(stream.written.size() == 1U);
    BOOST_TEST(joined(stream.written).size() == 16 * "reply to request\n"sv.size());
}

BOOST_AUTO_TEST_CASE(a_failed_flush_before_a_wait_surfaces_at_the_next_write) {
    FakeStream stream;
    BufferedWriter writer(stream);
    writer << "lost";
    stream.fail_at(1);
    BOOST_TEST((sleep_for(0ms) == WaitResult::timed_out));
    CHECK_FAILS(writer.write("next"), EPIPE, "send to the.peer:1");
    // Told once. What the failed write brought is not pending.
    BOOST_TEST(writer.pending() == "");
    writer << "again";
    writer.flush();
    BOOST_TEST(joined(stream.written) == "again");
}

BOOST_AUTO_TEST_CASE(a_failed_flush_before_a_wait_surfaces_at_the_next_flush) {
    FakeStream stream;
    BufferedWriter writer(stream);
    writer << "lost";
    stream.fail_at(1);
    sleep_for(0ms);
    CHECK_FAILS(writer.flush(), EPIPE, "send to the.peer:1");
    writer.flush();
}

BOOST_AUTO_TEST_CASE(failures_are_thrown_and_name_the_peer) {
    FakeStream stream;
    BufferedWriter writer(stream);
    writer << "x";
    stream.write_status = IoStatus::timed_out;
    CHECK_FAILS(writer.flush(), ETIMEDOUT, "send to the.peer:1");
    stream.write_status = IoStatus::cut;
    CHECK_FAILS(writer.write(std::string(20'000, 'x')), ECANCELED, "send to the.peer:1");
    stream.write_status = IoStatus::would_block;
    writer << "y";
    CHECK_FAILS(writer.flush(), EAGAIN, "send to the.peer:1");
}

BOOST_AUTO_TEST_CASE(a_failure_at_any_write_is_an_error) {
    const auto write_it_all = [](FakeStream& stream) {
        BufferedWriter writer(stream);
        writer.set_buffer_size(8);
        writer << "one"
               << "a longer piece"
               << "two" << 12345 << 'x';
        writer.write("another long piece");
        writer << "end";
        writer.flush();
    };
    FakeStream whole;
    write_it_all(whole);
    BOOST_TEST(joined(whole.written) == "onea longer piecetwo12345xanother long pieceend");
    for (std::size_t n = 1; n <= whole.written.size(); ++n) {
        FakeStream stream;
        stream.fail_at(static_cast<int>(n));
        CHECK_FAILS(write_it_all(stream), EPIPE, "send to the.peer:1");
        BOOST_TEST(stream.written.size() == n - 1);
    }
}

BOOST_AUTO_TEST_CASE(a_writer_without_a_stream_collects_up_to_a_bound) {
    BufferedWriter writer;
    BOOST_TEST(writer.fileno() == -1);
    writer << "reply " << 1;
    sleep_for(0ms);
    writer.flush();
    BOOST_TEST(writer.pending() == "reply 1");
    writer << std::string(BufferedWriter::max_collected - 7, 'x');
    BOOST_TEST(writer.pending().size() == BufferedWriter::max_collected);
    CHECK_FAILS(writer << 'y', EMSGSIZE, "a datagram longer than 65536 bytes");
    BOOST_TEST(writer.pending().size() == BufferedWriter::max_collected);
}

BOOST_AUTO_TEST_CASE(big_writes_complete_through_a_small_socket_buffer) {
    auto [server, client] = tcp_connection();
    server.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096);
    const std::string big = pattern(1U << 20U);
    std::uint64_t received = 0;
    Background receiving([&client = client, &received] {
        Hash hash;
        for (std::string data = client.recv(65'536); !data.empty(); data = client.recv(65'536))
            hash.add(data);
        received = hash.value();
    });
    BufferedWriter writer(server);
    BOOST_TEST(writer.write(big) == big.size());
    writer.flush();
    server.close();
    receiving.join();
    BOOST_TEST(received == hash_of(big));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
