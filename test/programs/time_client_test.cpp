/// \file
/// The time client, against the time server and against servers that do not answer.

#include "listener.hpp"
#include "program.hpp"

#include <support/case_guard.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

namespace socketserver::test {

namespace {

/// A datagram socket of 127.0.0.1 in the test's hands.
class Peer {
public:
    Peer() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        BOOST_REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
        BOOST_REQUIRE(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
        port_ = ntohs(address.sin_port);
    }

    [[nodiscard]] std::string port() const { return std::to_string(port_); }

    std::string receive() {
        std::array<char, 100> text{};
        socklen_t size = sizeof client_;
        const auto got =
            ::recvfrom(socket_.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&client_), &size);
        return got < 0 ? "nothing" : std::string(text.data(), static_cast<std::size_t>(got));
    }

    void reply(const std::string& text) const {
        ::sendto(socket_.get(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&client_),
                 sizeof client_);
    }

private:
    detail::ClientSocket socket_;
    std::uint16_t port_ = 0;
    sockaddr_in client_{};
};

void check_conversation(const std::vector<std::string>& command) {
    Program client(command);
    client.write("hello\n");
    BOOST_TEST(without_time(client.output_line()) == "hello\n");
    client.write("two words\n\nnever sent\n");
    BOOST_TEST(without_time(client.output_line()) == "two words\n");
    BOOST_TEST(client.output() == "");
    BOOST_TEST(client.error() == "");
    BOOST_TEST(client.wait() == 0);
    const Outcome at_eof = run(command, "without line end");
    BOOST_TEST(without_time(at_eof.output) == "without line end\n");
    BOOST_TEST(at_eof.error == "");
    BOOST_TEST(at_eof.status == 0);
}

void check_failure(const std::vector<std::string>& arguments, const std::string& message) {
    std::vector<std::string> command{"time_client"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const Outcome outcome = run(command, "hello\n");
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(outcome.output == "");
    BOOST_TEST(outcome.error == "time_client: " + message + "\n");
}

void check_client_usage_error(const std::vector<std::string>& arguments, const std::string& message) {
    std::vector<std::string> command{"time_client"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const Outcome outcome = run(command);
    BOOST_TEST(outcome.status == 2);
    BOOST_TEST(outcome.output == "");
    BOOST_TEST(outcome.error ==
               "time_client: " + message +
                   "\nusage: time_client [OPTION]... [HOST [PORT]]; time_client --help lists the options\n");
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(time_client, CaseGuard)

BOOST_AUTO_TEST_CASE(it_sends_each_line_and_prints_each_reply) {
    const TemporaryDirectory folder;
    const std::string stream_path = folder / "stream";
    const std::string datagram_path = folder / "datagram";
    const Server tcp({"time_server", "--port", "0"});
    check_conversation({"time_client", "127.0.0.1", std::to_string(tcp.port())});
    const Server udp({"time_server", "--port", "0", "--udp"});
    check_conversation({"time_client", "--udp", "127.0.0.1", std::to_string(udp.port())});
    const Server stream({"time_server", "--unix", stream_path});
    check_conversation({"time_client", "--unix", stream_path});
    const Server datagram({"time_server", "--unix", datagram_path, "--udp"});
    check_conversation({"time_client", "--unix", datagram_path, "--udp"});
}

BOOST_AUTO_TEST_CASE(it_prompts_on_a_terminal) {
    const Server server({"time_server", "--port", "0"});
    const detail::ClientSocket terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    BOOST_REQUIRE(::grantpt(terminal.get()) == 0);
    BOOST_REQUIRE(::unlockpt(terminal.get()) == 0);
    std::array<char, 100> name{};
    BOOST_REQUIRE(::ptsname_r(terminal.get(), name.data(), name.size()) == 0);
    const detail::ClientSocket keyboard(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    Program client({"time_client", "localhost", std::to_string(server.port())}, {.standard_input = keyboard.get()});
    const std::string typed = "hello\n\n";
    BOOST_REQUIRE(::write(terminal.get(), typed.data(), typed.size()) == static_cast<ssize_t>(typed.size()));
    const std::string line = client.output_line();
    BOOST_TEST(line.substr(0, 2) == "> ");
    BOOST_TEST(without_time(line.substr(2)) == "hello\n");
    BOOST_TEST(client.output() == "> ");
    BOOST_TEST(client.error() == "");
    BOOST_TEST(client.wait() == 0);
}

BOOST_AUTO_TEST_CASE(a_datagram_without_a_reply_is_sent_three_times) {
    Peer silent;
    Program client({"time_client", "--udp", "127.0.0.1", silent.port()});
    client.write("hello\n");
    for (int i = 0; i < 3; ++i)
        BOOST_TEST(silent.receive() == "hello");
    BOOST_TEST(client.error() == "time_client: no reply from 127.0.0.1:" + silent.port() + " in 3 seconds\n");
    BOOST_TEST(client.output() == "");
    BOOST_TEST(client.wait() == 1);
}

BOOST_AUTO_TEST_CASE(a_late_reply_is_not_taken_for_that_to_the_next_line) {
    Peer slow;
    Program client({"time_client", "--udp", "127.0.0.1", slow.port()});
    client.write("one\n");
    BOOST_TEST(slow.receive() == "one");
    BOOST_TEST(slow.receive() == "one");
    slow.reply("[first] one");
    BOOST_TEST(client.output_line() == "[first] one\n");
    slow.reply("[second] one");
    client.write("two\n");
    BOOST_TEST(slow.receive() == "two");
    slow.reply("[third] two");
    BOOST_TEST(client.output_line() == "[third] two\n");
    client.end_input();
    BOOST_TEST(client.error() == "");
    BOOST_TEST(client.wait() == 0);
}

BOOST_AUTO_TEST_CASE(a_connection_without_a_reply_has_a_time_out) {
    const Listener silent;
    check_failure({"--timeout", "0.1", "127.0.0.1", silent.port()},
                  "recv from 127.0.0.1:" + silent.port() + ": Connection timed out");
    // The limit is for each step, not for the typing in between.
    const Server server({"time_server", "--port", "0"});
    const Outcome none = run({"time_client", "--timeout", "0", "127.0.0.1", std::to_string(server.port())}, "one\n");
    BOOST_TEST(without_time(none.output) == "one\n");
    check_client_usage_error({"--timeout", "x"}, "--timeout: 'x' is not a number of seconds from 0 to 1000000000");
    check_client_usage_error({"--udp", "--timeout", "1"}, "--timeout cannot be used with --udp");
}

BOOST_AUTO_TEST_CASE(what_goes_wrong_is_one_line) {
    std::string port;
    {
        const Peer gone;
        port = gone.port();
    }
    const TemporaryDirectory folder;
    check_failure({"127.0.0.1", "1"}, "connect to 127.0.0.1:1: Connection refused");
    check_failure({"--udp", "127.0.0.1", port}, "recv from 127.0.0.1:" + port + ": Connection refused");
    const std::string path = folder / "none";
    check_failure({"--unix", path}, "connect to " + path + ": No such file or directory");
    const Outcome unknown = run({"time_client", "name.invalid"}, "hello\n");
    BOOST_TEST(unknown.status == 1);
    BOOST_TEST(unknown.error.starts_with("time_client: "));
    BOOST_TEST(unknown.error.find("name.invalid") != std::string::npos);
    const Server brief({"time_server", "--port", "0", "--requests-per-connection", "1"});
    const Outcome cut = run({"time_client", "127.0.0.1", std::to_string(brief.port())}, "one\ntwo\n");
    BOOST_TEST(cut.status == 1);
    BOOST_TEST(without_time(cut.output) == "one\n");
    BOOST_TEST(cut.error.starts_with("time_client: "));
}

BOOST_AUTO_TEST_CASE(a_bad_command_line_exits_2_with_the_usage) {
    check_client_usage_error({"--bogus"}, "unrecognised option '--bogus'");
    check_client_usage_error({"localhost", "http"}, "PORT: 'http' is not a whole number from 1 to 65535");
    check_client_usage_error({"localhost", "65536"}, "PORT: '65536' is not a whole number from 1 to 65535");
    check_client_usage_error({"--unix", "/x", "localhost"}, "HOST cannot be used with --unix");
    check_client_usage_error({"a", "1", "b"}, "unexpected argument 'b'");
    check_client_usage_error({"--%canonical_option%"}, "unrecognised option '--%canonical_option%'");
    const Outcome help = run({"time_client", "--help"});
    BOOST_TEST(help.status == 0);
    BOOST_TEST(help.error == "");
    BOOST_TEST(help.output.starts_with("usage: time_client [OPTION]... [HOST [PORT]]\n"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
