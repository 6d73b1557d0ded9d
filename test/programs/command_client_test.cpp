/// \file
/// The command client, against the command server and against servers that break off.

#include "listener.hpp"
#include "program.hpp"

#include <support/case_guard.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

namespace socketserver::test {

namespace {

/// What the client says to a server that answers its first line so.
Outcome told(const std::string& answer) {
    const Listener listener;
    Program program({"command_client", "127.0.0.1", listener.port()});
    program.write("one\n");
    Client server = listener.accept();
    BOOST_TEST(server.read_line() == "one\n");
    server.send(answer);
    server.close();
    std::string output = program.output();
    std::string error = program.error();
    return {program.wait(), std::move(output), std::move(error)};
}

void check_broken(const std::string& answer, const std::string& output, const std::string& message) {
    const Outcome outcome = told(answer);
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(outcome.output == output);
    BOOST_TEST(outcome.error == "command_client: " + message + "\n");
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(command_client, CaseGuard)

BOOST_AUTO_TEST_CASE(it_prints_the_output_and_ends_with_the_last_status) {
    const TemporaryDirectory folder;
    const std::string path = folder / "socket";
    const Server tcp({"command_server", "--port", "0"});
    const Server local({"command_server", "--unix", path});
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"command_client", "127.0.0.1", std::to_string(tcp.port())},
          std::vector<std::string>{"command_client", "--unix", path}}) {
        Program client(command);
        client.write("echo hello\n");
        BOOST_TEST(client.output_line() == "hello\n");
        client.write("exit 3\nprintf 'no line end'; exit 7\n\nexit 8\n");
        BOOST_TEST(client.output() == "no line end");
        BOOST_TEST(client.error() == "");
        BOOST_TEST(client.wait() == 7);
        const Outcome good = run(command, "exit 3\nkill -PIPE $$\nprintf '\\000\\377'");
        BOOST_TEST((good.output == std::string("\0\xff", 2)));
        BOOST_TEST(good.status == 0);
        BOOST_TEST(run(command, "kill -TERM $$\n").status == 143);
        BOOST_TEST(run(command).status == 0);
    }
}

BOOST_AUTO_TEST_CASE(a_command_that_was_cut_is_told) {
    const Server server({"command_server", "--port", "0", "--time-limit", "0.5", "--output-limit", "4"});
    const std::string port = std::to_string(server.port());
    const Outcome late = run({"command_client", "localhost", port}, "echo x; sleep 1000\n");
    BOOST_TEST(late.output == "x\n");
    BOOST_TEST(late.error == "command_client: the command was killed: its time was over\n");
    BOOST_TEST(late.status == 124);
    const Outcome long_one = run({"command_client", "localhost", port}, "echo 12345\n");
    BOOST_TEST(long_one.output == "1234");
    BOOST_TEST(long_one.error == "command_client: the command was killed: it wrote too much\n");
    BOOST_TEST(long_one.status == 125);
}

BOOST_AUTO_TEST_CASE(a_command_that_was_not_run_is_told) {
    const Server server({"command_server", "--port", "0"});
    const Outcome outcome =
        run({"command_client", "127.0.0.1", std::to_string(server.port())}, std::string(70'000, 'x') + '\n');
    BOOST_TEST(outcome.output == "");
    BOOST_TEST(outcome.error == "command_client: the line is longer than 65536 bytes: not run\n");
    BOOST_TEST(outcome.status == 1);
}

BOOST_AUTO_TEST_CASE(a_broken_reply_is_one_line) {
    check_broken("", "", "the server closed the connection");
    check_broken("0 ", "", "a broken reply: the connection ended within its first line");
    check_broken("nonsense\n", "", "a broken reply: the reply's first line has no length");
    check_broken("0 x\n", "", "a broken reply: the reply's length is not a number");
    check_broken("0 10\nhalf ", "half ", "a broken reply: the connection ended 5 bytes before the end of the output");
    const Outcome endless = told(std::string(1000, 'x'));
    BOOST_TEST(endless.status == 1);
    BOOST_TEST(endless.error.starts_with("command_client: "));
    BOOST_TEST(endless.error.find('\n') == endless.error.size() - 1);
}

BOOST_AUTO_TEST_CASE(what_goes_wrong_is_one_line) {
    const Outcome refused = run({"command_client", "127.0.0.1", "1"}, "date\n");
    BOOST_TEST(refused.status == 1);
    BOOST_TEST(refused.error == "command_client: connect to 127.0.0.1:1: Connection refused\n");
    const Outcome unknown = run({"command_client", "name.invalid"}, "date\n");
    BOOST_TEST(unknown.status == 1);
    BOOST_TEST(unknown.error.find("name.invalid") != std::string::npos);
    const Outcome usage = run({"command_client", "--udp"});
    BOOST_TEST(usage.status == 2);
    BOOST_TEST(usage.error ==
               "command_client: unrecognised option '--udp'\n"
               "usage: command_client [OPTION]... [HOST [PORT]]; command_client --help lists the options\n");
    const Outcome help = run({"command_client", "--help"});
    BOOST_TEST(help.status == 0);
    BOOST_TEST(help.output.starts_with("usage: command_client [OPTION]... [HOST [PORT]]\n"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
