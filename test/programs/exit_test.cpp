/// \file
/// How programs end that never serve, and those that a handler ends.

#include "program.hpp"

#include <support/case_guard.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <signal.h>

#include <string>
#include <vector>

namespace socketserver::test {

namespace {

void check_usage_error(const std::vector<std::string>& command, const std::string& message) {
    const Outcome outcome = run(command);
    BOOST_TEST(outcome.status == 2);
    BOOST_TEST(outcome.output == "");
    BOOST_TEST(outcome.error == command[0] + ": " + message + "\nusage: " + command[0] + " [OPTION]...; " + command[0] +
                                    " --help lists the options\n");
}

constexpr const char* in_use =
    ": Address already in use; end the server that listens there, or choose another --port (0: any that is free)";

void check_cannot_listen(const std::vector<std::string>& arguments, const std::string& message) {
    std::vector<std::string> command{"time_server"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const Outcome outcome = run(command);
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(outcome.output == "");
    BOOST_TEST(outcome.error == "time_server: cannot listen on " + message + "\n");
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(exit_status, CaseGuard)

BOOST_AUTO_TEST_CASE(a_bad_command_line_exits_2_with_the_usage) {
    check_usage_error({"time_server", "--bogus"}, "unrecognised option '--bogus'");
    check_usage_error({"time_server", "--mode", "fast"},
                      "--mode: 'fast' is not one of blocking, forking, threading, selecting, thread-pool, preforking");
    check_usage_error({"time_server", "--mode", "forking", "--selector", "poll"},
                      "--selector cannot be used with --mode forking; it needs --mode selecting or preforking");
    check_usage_error(
        {"time_server", "--mode", "blocking", "--max-connections", "5"},
        "--max-connections cannot be used with --mode blocking; it needs --mode forking, threading, selecting "
        "or preforking");
    check_usage_error({"time_server", "--udp", "--timeout", "5"}, "--timeout cannot be used with --udp");
    check_usage_error({"echo_server", "--udp", "--raw"}, "--raw cannot be used with --udp");
    check_usage_error({"test_server", "--udp"}, "unrecognised option '--udp'");
}

BOOST_AUTO_TEST_CASE(help_and_version_exit_0) {
    const Outcome help = run({"echo_server", "--help"});
    BOOST_TEST(help.status == 0);
    BOOST_TEST(help.error == "");
    BOOST_TEST(help.output.starts_with("usage: echo_server [OPTION]...\n\nThe echo service: "));
    BOOST_TEST(help.output.find("\n  --raw                send each byte back") != std::string::npos);
    BOOST_TEST(help.output.find(" [default: 7007]\n") != std::string::npos);
    BOOST_TEST(run({"test_server", "--help"}).output.find("--udp") == std::string::npos);
    const Outcome version = run({"time_server", "--version"});
    BOOST_TEST(version.status == 0);
    BOOST_TEST(version.error == "");
    BOOST_TEST(version.output == "time_server (socketserver " SOCKETSERVER_VERSION ")\n");
}

BOOST_AUTO_TEST_CASE(a_port_in_use_exits_1_with_one_line) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            const Server server({"time_server", "--port", "0"});
            const std::string port = std::to_string(server.port());
            check_cannot_listen({"--mode", mode, "--port", port}, "127.0.0.1:" + port + in_use);
            const Server udp({"time_server", "--udp", "--port", "0"});
            const std::string udp_port = std::to_string(udp.port());
            check_cannot_listen({"--mode", mode, "--udp", "--port", udp_port}, "127.0.0.1:" + udp_port + in_use);
        }
    }
}

BOOST_AUTO_TEST_CASE(an_address_that_cannot_be_had_exits_1_with_one_line) {
    const TemporaryDirectory folder;
    const std::string path = folder / "socket";
    Server server({"time_server", "--unix", path});
    check_cannot_listen({"--unix", path},
                        path + ": Address already in use; end the server that listens there, or choose another path");
    check_cannot_listen({"--unix", path + "/none"}, path + "/none: Not a directory");
    check_cannot_listen({"--unix", (folder / "none/socket").string()},
                        (folder / "none/socket").string() + ": No such file or directory; its folder must exist");
    check_cannot_listen({"--host", "192.0.2.1", "--port", "0"},
                        "192.0.2.1:0: Cannot assign requested address; this machine has no such address: --host '' "
                        "listens on all that it has");
    const Outcome unknown = run({"time_server", "--host", "name.invalid"});
    BOOST_TEST(unknown.status == 1);
    BOOST_TEST(unknown.error.starts_with("time_server: cannot listen on name.invalid:21567: "));
    // That the others looked whether somebody listens here was no connection.
    BOOST_TEST(server.stop() == "");
}

BOOST_AUTO_TEST_CASE(the_file_of_a_killed_server_is_taken_over) {
    const TemporaryDirectory folder;
    const std::string path = folder / "socket";
    {
        Server killed({"time_server", "--unix", path});
        killed.signal(SIGKILL);
        BOOST_TEST(killed.wait() == -SIGKILL);
    }
    Server server({"time_server", "--unix", path});
    BOOST_TEST(server.stop() == "");
}

BOOST_AUTO_TEST_CASE(two_servers_share_a_port_if_both_say_so) {
    const Server one({"time_server", "--reuse-port", "--port", "0"});
    const Server other({"time_server", "--reuse-port", "--port", std::to_string(one.port())});
    BOOST_TEST(other.port() == one.port());
}

BOOST_AUTO_TEST_CASE(a_server_of_one_thread_ends_as_its_handler_says) {
    for (const std::string mode : {"blocking", "selecting"}) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"test_server", "--mode", mode});
            Client client = server.connect();
            client.send("exit\n");
            BOOST_TEST(client.read_all() == "");
            BOOST_TEST(server.wait() == 7);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
