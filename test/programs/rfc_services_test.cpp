/// \file
/// The servers of RFC 863, 864, 867 and 868, asked by the clients that users have.

#include "program.hpp"

#include <support/case_guard.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

namespace socketserver::test {

namespace {

const std::string first_lines = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n"
                                "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh\r\n";

/// Whether it is a time of day as daytime_server sends it.
bool is_daytime(const std::string& answer) {
    return answer.ends_with("\r\n") && without_time('[' + answer.substr(0, answer.size() - 2) + "] ").empty();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(rfc_services, CaseGuard)

BOOST_AUTO_TEST_CASE(daytime_tells_netcat_the_time_of_day) {
    const TemporaryDirectory folder;
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            const std::string path = folder / mode;  // what is killed at the end of a turn may listen a moment longer
            const Server tcp({"daytime_server", "--mode", mode, "--port", "0"});
            const std::string answer = run({"nc", "127.0.0.1", std::to_string(tcp.port())}).output;
            BOOST_TEST(is_daytime(answer), answer);
            const Server udp({"daytime_server", "--mode", mode, "--port", "0", "--udp"});
            Program nc({"nc", "-u", "127.0.0.1", std::to_string(udp.port())});
            nc.write("\n");
            const std::string line = nc.output_line();
            BOOST_TEST(is_daytime(line), line);
            const Server local({"daytime_server", "--mode", mode, "--unix", path});
            BOOST_TEST(is_daytime(run({"nc", "-U", path}).output));
        }
    }
}

BOOST_AUTO_TEST_CASE(rdate_understands_the_time) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            const Server tcp({"rfc_time_server", "--mode", mode, "--port", "0"});
            const Server udp({"rfc_time_server", "--mode", mode, "--port", "0", "--udp"});
            // It prints the time and, asked for more, by how much ours differs: nothing, since both are one clock's.
            const Outcome by_tcp = run({"rdate", "-p", "-v", "-o", std::to_string(tcp.port()), "127.0.0.1"});
            const Outcome by_udp = run({"rdate", "-p", "-v", "-u", "-o", std::to_string(udp.port()), "127.0.0.1"});
            for (const Outcome* const outcome : {&by_tcp, &by_udp}) {
                BOOST_TEST(outcome->status == 0);
                BOOST_TEST(outcome->error == "");
                BOOST_TEST(outcome->output.find(" 20") != std::string::npos, outcome->output);
            }
            BOOST_TEST(tcp.connect().read_all().size() == 4U);
        }
    }
}

BOOST_AUTO_TEST_CASE(discard_takes_what_netcat_sends) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            const Server tcp({"discard_server", "--mode", mode, "--port", "0"});
            const Outcome nc = run({"nc", "-N", "127.0.0.1", std::to_string(tcp.port())}, std::string(1'000'000, 'x'));
            BOOST_TEST(nc.output == "");
            BOOST_TEST(nc.status == 0);
            Server udp({"discard_server", "--mode", mode, "--port", "0", "--udp"});
            DatagramClient client = udp.datagrams();
            client.send("hello");
            BOOST_TEST(udp.error_line() == "... received from: " + client.local_address() + "\n");
            BOOST_TEST(udp.stop() == "");
            BOOST_TEST(client.nothing_within(std::chrono::milliseconds{1}));
        }
    }
}

BOOST_AUTO_TEST_CASE(chargen_sends_netcat_lines_until_it_goes) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server tcp({"chargen_server", "--mode", mode, "--port", "0"});
            const std::string port = std::to_string(tcp.port());
            const Outcome nc = run({"sh", "-c", "nc 127.0.0.1 " + port + " </dev/null | head -n 2"});
            BOOST_TEST(nc.output == first_lines);
            BOOST_TEST(tcp.stop().find("error") == std::string::npos);
            const Server udp({"chargen_server", "--mode", mode, "--port", "0", "--udp"});
            DatagramClient client = udp.datagrams();
            client.send("");
            const std::string answer = client.receive();
            BOOST_TEST(answer.size() <= 512U);
            BOOST_TEST(answer.substr(0, 148) == first_lines.substr(0, answer.size()));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_reader_that_stops_reading_blocks_only_itself) {
    for (const std::string& mode : concurrent_modes) {
        BOOST_TEST_CONTEXT(mode) {
            const Server server({"chargen_server", "--mode", mode, "--port", "0", "--drain", "0"});
            Client stopped = server.connect();
            BOOST_TEST(stopped.read_exactly(148) == first_lines);
            Client fast = server.connect();
            BOOST_TEST(fast.read_exactly(10'000'000).substr(0, 148) == first_lines);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
