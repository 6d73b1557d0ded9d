#include <socketserver/net/socket_stream.hpp>

#include "fixtures.hpp"
#include "support/case_guard.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <istream>
#include <string>

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(socket_stream, CaseGuard)

BOOST_AUTO_TEST_CASE(lines_and_numbers_make_the_round_trip) {
    auto [server, client] = tcp_connection();
    SocketStream out = server.makefile();
    SocketStream in = client.makefile();
    out << "a line\n" << 42 << ' ' << 2.5 << '\n' << std::flush;
    std::string line;
    BOOST_TEST(static_cast<bool>(std::getline(in, line)));
    BOOST_TEST(line == "a line");
    int whole = 0;
    double fraction = 0;
    in >> whole >> fraction;
    BOOST_TEST(whole == 42);
    BOOST_TEST(fraction == 2.5);
}

BOOST_AUTO_TEST_CASE(reading_sends_first_what_was_written) {
    auto [server, client] = tcp_connection();
    Waiting answering([&client = client] {
        SocketStream stream = client.makefile();
        std::string question;
        std::getline(stream, question);
        stream << "answer to " << question << std::endl;
        return question;
    });
    SocketStream stream = server.makefile();
    stream << "question\n";
    std::string line;
    std::getline(stream, line);
    BOOST_TEST(line == "answer to question");
    BOOST_TEST(answering.get() == "question");
}

BOOST_AUTO_TEST_CASE(the_end_of_the_connection_is_eof) {
    auto [server, client] = tcp_connection();
    client.sendall("last");
    client.close();
    SocketStream stream = server.makefile();
    std::string line;
    BOOST_TEST(static_cast<bool>(std::getline(stream, line)));
    BOOST_TEST(line == "last");
    BOOST_TEST(stream.eof());
    BOOST_TEST(!std::getline(stream, line));
    BOOST_TEST(!stream.bad());
}

BOOST_AUTO_TEST_CASE(what_is_pending_leaves_with_the_stream) {
    auto [server, client] = tcp_connection();
    {
        SocketStream stream = server.makefile();
        stream << "pending";
    }
    server.close();
    BOOST_TEST(receive_to_the_end(client) == "pending");
}

BOOST_AUTO_TEST_CASE(big_output_and_input_are_complete) {
    const std::string big = pattern(1U << 20U);
    auto [server, client] = tcp_connection();
    Waiting reading([&client = client] {
        SocketStream stream = client.makefile();
        std::string all;
        char byte = 0;
        while (stream.get(byte))
            all += byte;
        return hash_of(all);
    });
    {
        SocketStream stream = server.makefile();
        stream.write(big.data(), 10'000);
        for (std::size_t i = 10'000; i < 30'000; ++i)
            stream.put(big[i]);
        stream.write(big.data() + 30'000, static_cast<std::streamsize>(big.size()) - 30'000);
        BOOST_TEST(stream.good());
    }
    server.close();
    BOOST_TEST(reading.get() == hash_of(big));
}

BOOST_AUTO_TEST_CASE(an_error_sets_badbit) {
    FakeStream fake;
    SocketStream stream(fake);
    fake.fail_at(1);
    stream << "x" << std::flush;
    BOOST_TEST(stream.bad());
    FakeStream reading({"one\n"});
    SocketStream second(reading);
    reading.fail_at(1);
    std::string line;
    BOOST_TEST(!std::getline(second, line));
    BOOST_TEST(second.bad());
    BOOST_TEST(!second.eof());
}

BOOST_AUTO_TEST_CASE(a_time_out_sets_badbit_and_can_be_overcome) {
    auto [server, client] = tcp_connection();
    server.settimeout(1ms);
    SocketStream stream = server.makefile();
    std::string line;
    BOOST_TEST(!std::getline(stream, line));
    BOOST_TEST(stream.bad());
    BOOST_TEST(!stream.eof());
    client.sendall("late\n");
    server.settimeout(std::nullopt);
    stream.clear();
    std::getline(stream, line);
    BOOST_TEST(line == "late");
}

BOOST_AUTO_TEST_CASE(errors_are_thrown_if_asked_for) {
    FakeStream fake;
    SocketStream stream(fake);
    stream.exceptions(std::ios::badbit);
    fake.fail_at(1);
    CHECK_FAILS(stream << "x" << std::flush, EPIPE, "send to the.peer:1");
    FakeStream reading({"one\n"});
    SocketStream second(reading);
    second.exceptions(std::ios::badbit);
    reading.fail_at(1);
    std::string line;
    CHECK_FAILS(std::getline(second, line), ECONNRESET, "recv from the.peer:1");
}

BOOST_AUTO_TEST_CASE(a_failure_at_any_operation_is_seen) {
    const auto converse = [](FakeStream& fake) {
        SocketStream stream(fake);
        std::string line;
        for (int i = 0; i < 4; ++i) {
            stream << "question\n";
            std::getline(stream, line);
        }
        stream << std::string(20'000, 'x') << std::flush;
        return stream.good();
    };
    for (int n = 1; n <= 10; ++n) {
        FakeStream fake({"1\n", "2\n", "3\n", "4\n"});
        fake.fail_at(n);
        BOOST_TEST(!converse(fake));
    }
    FakeStream whole({"1\n", "2\n", "3\n", "4\n"});
    BOOST_TEST(converse(whole));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
