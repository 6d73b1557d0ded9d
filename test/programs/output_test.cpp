/// \file
/// Programs whose standard streams are closed, full, or read by nobody.

#include "listener.hpp"
#include "program.hpp"
#include "scripted_server.hpp"

#include <support/case_guard.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <signal.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace socketserver::test {

namespace {

/// Runs a program by a shell, which opens and closes its streams: `"$@" >/dev/full`.
Outcome run_by_shell(const std::string& setting, std::vector<std::string> command, std::string_view input = {}) {
    command.front() = program_path(command.front());
    std::vector<std::string> words{"sh", "-c", setting, "sh"};
    words.insert(words.end(), command.begin(), command.end());
    return run(words, input);
}

const std::vector<std::string> all_programs{
    "char_count_server", "chargen_server", "command_client",  "command_server", "daytime_server",
    "discard_server",    "echo_server",    "fetch",           "gopher_client",  "gopher_server",
    "greeting_server",   "http_server",    "rfc_time_server", "time_client",    "time_protocol_server",
    "time_server",       "upper_server"};

/// How a shell takes standard output away, and what a program then says.
const std::vector<std::pair<std::string, std::string>> lost_outputs{
    {"exec \"$@\" >/dev/full", "No space left on device"},
    {"exec \"$@\" >&-", "Bad file descriptor"},
    {"ulimit -f 0; exec \"$@\" >\"$FILE\"", "File too large"},
    {"rm -f \"$FILE.pipe\"; mkfifo \"$FILE.pipe\"; { :; } <\"$FILE.pipe\" & exec 9>\"$FILE.pipe\"; wait $!; trap '' "
     "PIPE; "
     "exec \"$@\" >&9 9>&-",
     "Broken pipe"},
};

/// A client's line to a server of its own.
struct Conversation {
    std::string server;
    std::vector<std::string> client;
    std::string line;
};

std::vector<std::string> with_port(std::vector<std::string> command, const Server& server) {
    for (std::string& word : command) {
        if (word == "PORT")
            word = std::to_string(server.port());
    }
    return command;
}

const std::vector<Conversation> conversations{
    {"time_server", {"time_client", "127.0.0.1", "PORT"}, "hello\n"},
    {"command_server", {"command_client", "127.0.0.1", "PORT"}, "echo hello\n"},
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lost_output, CaseGuard)

BOOST_AUTO_TEST_CASE(help_and_version_that_cannot_be_written_exit_1) {
    const TemporaryDirectory folder;
    for (const std::string& program : all_programs) {
        for (const std::string option : {"--help", "--version"}) {
            for (const auto& [setting, reason] : lost_outputs) {
                BOOST_TEST_CONTEXT(program << ' ' << option << ' ' << setting) {
                    const Outcome outcome =
                        run_by_shell("FILE=" + (folder / "file").string() + "; " + setting, {program, option});
                    BOOST_TEST(outcome.status == 1);
                    BOOST_TEST(outcome.error == program + ": cannot write standard output: " + reason + '\n');
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_client_that_cannot_write_a_reply_exits_1_and_asks_no_more) {
    const TemporaryDirectory folder;
    for (const auto& [server_name, client, line] : conversations) {
        for (const auto& [setting, reason] : lost_outputs) {
            BOOST_TEST_CONTEXT(client.front() << ' ' << setting) {
                Server server({server_name, "--port", "0"});
                const Outcome outcome = run_by_shell("FILE=" + (folder / "file").string() + "; " + setting,
                                                     with_port(client, server), line + line);
                BOOST_TEST(outcome.status == 1);
                BOOST_TEST(outcome.error == client.front() + ": cannot write standard output: " + reason + '\n');
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_client_that_has_lost_a_reply_sends_no_further_line) {
    std::string second = "not asked";
    {
        const ScriptedServer server([&second](Client& client, int) {
            static_cast<void>(client.read_line());
            client.send("reply\n");
            second = client.read_line();
        });
        const std::string port = server.address().substr(server.address().find(':') + 1);
        const Outcome outcome =
            run_by_shell("exec \"$@\" >/dev/full", {"time_client", "127.0.0.1", port}, "one\ntwo\n");
        BOOST_TEST(outcome.status == 1);
    }
    BOOST_TEST(second == "");
}

BOOST_AUTO_TEST_CASE(a_document_without_end_is_given_up_when_it_cannot_be_written) {
    const ScriptedServer endless([](Client& client, int) {
        static_cast<void>(client.read_line());
        for (;;)
            client.send(std::string(65'536, '\n'));
    });
    const std::string port = endless.address().substr(endless.address().find(':') + 1);
    for (const std::string kind : {"--text", "--raw"}) {
        const Outcome outcome = run_by_shell("exec \"$@\" >/dev/full", {"gopher_client", kind, "127.0.0.1", "x", port});
        BOOST_TEST(outcome.status == 1);
        BOOST_TEST(outcome.error == "gopher_client: cannot write standard output: No space left on device\n");
    }
}

BOOST_AUTO_TEST_CASE(what_a_server_says_is_no_command_although_standard_output_is_closed) {
    for (const std::string closed : {">&-", "<&0 >&- 2>&-"}) {
        const TemporaryDirectory folder;
        const std::string mark = folder / "mark";
        Server server({"command_server", "--port", "0"});
        const Outcome outcome =
            run_by_shell("exec \"$@\" " + closed, with_port({"command_client", "127.0.0.1", "PORT"}, server),
                         "echo touch " + mark + "\ntrue\n");
        BOOST_TEST(outcome.status == 1);
        // Once it has ended in order it has run all that it was sent.
        server.signal(SIGTERM);
        BOOST_TEST(server.wait() == 0);
        BOOST_TEST(!std::filesystem::exists(mark));
    }
}

BOOST_AUTO_TEST_CASE(a_client_that_cannot_read_its_input_exits_1) {
    for (const auto& [server_name, client, line] : conversations) {
        const Server server({server_name, "--port", "0"});
        const Outcome closed = run_by_shell("exec \"$@\" <&-", with_port(client, server));
        BOOST_TEST(closed.status == 1);
        BOOST_TEST(closed.error == client.front() + ": cannot read standard input: Bad file descriptor\n");
        const Outcome folder = run_by_shell("exec \"$@\" </", with_port(client, server));
        BOOST_TEST(folder.status == 1);
        BOOST_TEST(folder.error == client.front() + ": cannot read standard input: Is a directory\n");
    }
}

BOOST_AUTO_TEST_CASE(a_document_that_cannot_be_written_exits_1) {
    const TemporaryDirectory folder;
    std::ofstream(folder / "about.txt") << "about\n";
    const Server gopher({"gopher_server", folder.path().string(), "--port", "0"});
    const Server http({"http_server", "--port", "0"});
    for (const auto& [setting, reason] : lost_outputs) {
        const std::string shell = "FILE=" + (folder / "file").string() + "; " + setting;
        const Outcome text =
            run_by_shell(shell, with_port({"gopher_client", "127.0.0.1", "about.txt", "PORT"}, gopher));
        const Outcome page =
            run_by_shell(shell, {"fetch", "http://127.0.0.1:" + std::to_string(http.port()) + "/time"});
        for (const auto& [name, outcome] : {std::pair("gopher_client", text), std::pair("fetch", page)}) {
            BOOST_TEST(outcome.status == 1, name);
            BOOST_TEST(outcome.error == std::string(name) + ": cannot write standard output: " + reason + '\n');
        }
    }
}

BOOST_AUTO_TEST_CASE(a_server_whose_first_line_nobody_reads_serves) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            const TemporaryDirectory folder;
            Program server({"sh", "-c", R"(mkfifo "$0"; { :; } <"$0" & exec 9>"$0"; wait $!; exec "$@" >&9 9>&-)",
                            folder / "pipe", program_path("time_server"), "--mode", mode, "--unix", folder / "socket"});
            BOOST_TEST(server.error_line() == "time_server: cannot write standard output: Broken pipe\n");
            Client client(folder / "socket");
            client.send("well?\n");
            BOOST_TEST(without_time(client.read_line()) == "well?\n");
            client.close();
            server.signal(SIGTERM);
            BOOST_TEST(server.wait() == 0);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_file_that_is_stored_does_not_take_the_place_of_standard_output) {
    const TemporaryDirectory folder;
    const ScriptedServer http("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstored");
    const std::string path = folder / "file";
    const Outcome outcome = run_by_shell("exec \"$@\" >&-", {"fetch", http.url(), path});
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(outcome.error == "fetch: cannot write standard output: Bad file descriptor\n");
    std::ifstream file(path);
    BOOST_TEST(std::string(std::istreambuf_iterator<char>(file), {}) == "stored");
}

BOOST_AUTO_TEST_CASE(a_server_whose_first_line_cannot_be_written_serves_and_says_so) {
    for (const std::string& mode : modes) {
        for (const auto& [setting, reason] : lost_outputs) {
            BOOST_TEST_CONTEXT(mode << ' ' << setting) {
                const TemporaryDirectory folder;
                Program server({"sh", "-c", "FILE=" + (folder / "file").string() + "; " + setting, "sh",
                                program_path("time_server"), "--mode", mode, "--unix", folder / "socket"});
                BOOST_TEST(server.error_line() == "time_server: cannot write standard output: " + reason + '\n');
                Client client(folder / "socket");
                client.send("well?\n");
                BOOST_TEST(without_time(client.read_line()) == "well?\n");
                client.close();
                server.signal(SIGTERM);
                BOOST_TEST(server.wait() == 0);
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
