/// \file
/// The command server, in every mode: its dialogue, its bounds, who may connect, and what it leaves behind.

#include "listener.hpp"
#include "program.hpp"

#include <support/case_guard.hpp>
#include <support/eventually.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace socketserver::test {

namespace {

const std::string refusal = "whoever can connect there could run commands; --allow-remote says that this is meant\n"
                            "usage: command_server [OPTION]...; command_server --help lists the options\n";

/// The next reply: its head, a bar and the output.
std::string reply(Client& client) {
    const std::string head = client.read_line();
    const std::size_t space = head.find(' ');
    if (space == std::string::npos)
        return "no reply: " + head;
    return head.substr(0, head.size() - 1) + '|' + client.read_exactly(std::stoul(head.substr(space)));
}

std::string answer(Client& client, const std::string& command) {
    client.send(command + '\n');
    return reply(client);
}

/// A pipe with a name, to see by whether a command that has it open is still there.
class Fifo {
public:
    Fifo() {
        BOOST_REQUIRE(::mkfifo(path().c_str(), 0600) == 0);
        reader_ = detail::ClientSocket(::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    }
    [[nodiscard]] std::string path() const { return folder_ / "fifo"; }
    /// A command that opens it, and never ends.
    [[nodiscard]] std::string endless_command() const {
        return "exec 5>" + path() + "; echo >&5; sleep 1000 & sleep 1000\n";
    }
    /// Waits until such a command has begun.
    [[nodiscard]] bool is_opened() const {
        return eventually([this] { return read() == 1; });
    }
    /// Waits until no process has it open any more.
    [[nodiscard]] bool is_left() const {
        return eventually([this] { return read() == 0; });
    }

private:
    [[nodiscard]] ssize_t read() const {
        char byte = 0;
        return ::read(reader_.get(), &byte, 1);
    }

    TemporaryDirectory folder_;
    detail::ClientSocket reader_;
};

std::size_t open_descriptors(pid_t pid) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"))
        ++count;
    return count;
}

/// The children of all its threads, zombies included.
std::string children(pid_t pid) {
    std::string all;
    for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
        std::ifstream file(thread.path() / "children");
        std::string line;
        std::getline(file, line);
        all += line;
    }
    return all;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(command_server, CaseGuard)

BOOST_AUTO_TEST_CASE(netcat_gets_the_output_of_each_line) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"command_server", "--mode", mode, "--port", "0"});
            BOOST_TEST(server.address() == "127.0.0.1:" + std::to_string(server.port()));
            const Outcome nc = run({"nc", "-N", "127.0.0.1", std::to_string(server.port())},
                                   "echo one; echo two >&2\nprintf 'no line end'; exit 7\n\ncat\n");
            BOOST_TEST(nc.output == "0 8\none\ntwo\n7 11\nno line end0 0\n0 0\n");
            BOOST_TEST(nc.status == 0);
            BOOST_TEST(server.stop().starts_with("... connected from: 127.0.0.1:"));
        }
    }
}

// The programs ignore SIGPIPE, forked children SIGINT, and threads have signals blocked: commands know nothing of that.
BOOST_AUTO_TEST_CASE(signals_are_what_a_shell_expects) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            const Server server({"command_server", "--mode", mode, "--port", "0"});
            Client client = server.connect();
            BOOST_TEST(answer(client, "kill -PIPE $$; echo alive") == "141 0|");
            BOOST_TEST(answer(client, "kill -INT $$; echo alive") == "130 0|");
            BOOST_TEST(answer(client, "kill -TERM $$; echo alive") == "143 0|");
            BOOST_TEST(answer(client, "trap 'echo trapped' TERM; kill -TERM $$; echo alive") ==
                       "0 14|trapped\nalive\n");
            BOOST_TEST(answer(client, "yes | head -n 1") == "0 2|y\n");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_running_command_holds_up_nobody) {
    for (const std::string& mode : concurrent_modes) {
        BOOST_TEST_CONTEXT(mode) {
            const Fifo fifo;
            Server server({"command_server", "--mode", mode, "--port", "0", "--drain", "0.1", "--time-limit", "1000"});
            Client waiting = server.connect();
            waiting.send(fifo.endless_command());
            BOOST_TEST(fifo.is_opened());
            Client other = server.connect();
            BOOST_TEST(answer(other, "echo served") == "0 7|served\n");
            static_cast<void>(server.stop());
            BOOST_TEST(fifo.is_left());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_command_that_is_running_when_the_server_ends_is_let_end_and_then_killed) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            const Fifo fifo;
            Server server({"command_server", "--mode", mode, "--port", "0", "--drain", "0.2", "--time-limit", "1000"});
            Client client = server.connect();
            client.send(fifo.endless_command());
            BOOST_TEST(fifo.is_opened());
            static_cast<void>(server.stop());
            BOOST_TEST(fifo.is_left());
            BOOST_TEST(client.read_all() == "");
        }
    }
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            const Fifo fifo;
            Server server({"command_server", "--mode", mode, "--port", "0", "--drain", "1000"});
            Client client = server.connect();
            client.send("echo >" + fifo.path() + "; sleep 0.1; echo done\n");
            BOOST_TEST(fifo.is_opened());
            server.signal(SIGTERM);
            BOOST_TEST(reply(client) == "0 5|done\n");
            BOOST_TEST(client.read_all() == "");
            BOOST_TEST(server.wait() == 0);
        }
    }
}

BOOST_AUTO_TEST_CASE(no_command_outlives_a_server_that_is_killed) {
    const Fifo fifo;
    Server server({"command_server", "--mode", "selecting", "--port", "0", "--time-limit", "1000"});
    Client client = server.connect();
    client.send(fifo.endless_command());
    BOOST_TEST(fifo.is_opened());
    // Once another one is served by the same thread, the server has done all that belongs to the start of the command.
    Client other = server.connect();
    BOOST_TEST(answer(other, "echo served") == "0 7|served\n");
    server.signal(SIGKILL);
    BOOST_TEST(fifo.is_left());
    BOOST_TEST(server.wait() == -SIGKILL);
}

BOOST_AUTO_TEST_CASE(a_command_ends_when_its_client_has_left) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            const Fifo fifo;
            const Server server({"command_server", "--mode", mode, "--port", "0", "--time-limit", "1000"});
            Client client = server.connect();
            client.send(fifo.endless_command());
            BOOST_TEST(fifo.is_opened());
            client.reset();
            BOOST_TEST(fifo.is_left());
            Client next = server.connect();
            BOOST_TEST(answer(next, "echo served") == "0 7|served\n");
        }
    }
}

BOOST_AUTO_TEST_CASE(what_never_ends_is_cut_and_said_so) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            const Server server({"command_server", "--mode", mode, "--port", "0", "--time-limit", "0.5"});
            Client client = server.connect();
            BOOST_TEST(answer(client, "trap '' TERM; echo begun; sleep 1000") == "timeout 6|begun\n");
            BOOST_TEST(answer(client, "echo begun; sleep 1000 &") == "timeout 6|begun\n");
        }
        BOOST_TEST_CONTEXT(mode) {
            const Server server({"command_server", "--mode", mode, "--port", "0", "--output-limit", "10"});
            Client client = server.connect();
            BOOST_TEST(answer(client, "yes") == "truncated 10|y\ny\ny\ny\ny\n");
            BOOST_TEST(answer(client, "echo 123456789") == "0 10|123456789\n");
            client.send(std::string(200'000, 'x'));
            BOOST_TEST(reply(client) == "error 45|the line is longer than 65536 bytes: not run\n");
            client.half_close();
            BOOST_TEST(client.read_all() == "");
        }
    }
}

BOOST_AUTO_TEST_CASE(by_default_a_mebibyte_is_sent) {
    const Server server({"command_server", "--port", "0"});
    Client client = server.connect();
    client.send("yes\n");
    BOOST_TEST(client.read_line() == "truncated 1048576\n");
    BOOST_TEST(client.read_exactly(1'048'576).substr(1'048'570) == "y\ny\ny\n");
}

BOOST_AUTO_TEST_CASE(a_web_page_runs_nothing) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            const TemporaryDirectory folder;
            const std::string mark = folder / "mark";
            Server server({"command_server", "--mode", mode, "--port", "0"});
            Client client = server.connect();
            client.send("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n\r\n\r\ntouch " + mark +
                        "\r\n");
            BOOST_TEST(client.read_all() == "");
            client.close();
            BOOST_TEST(server.error_line().starts_with("... connected from: "));
            BOOST_TEST(server.error_line().ends_with(": closed, this looks like HTTP\n"));
            BOOST_TEST(server.stop() == "");
            BOOST_TEST(!std::filesystem::exists(mark));
        }
    }
}

BOOST_AUTO_TEST_CASE(it_leaves_no_process_and_no_descriptor_behind) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            std::vector<std::string> arguments{"command_server", "--mode", mode, "--port", "0", "--time-limit", "1"};
            if (mode == "preforking")
                arguments.insert(arguments.end(), {"--workers", "1"});
            const Server server(arguments);
            pid_t serving = server.pid();
            std::size_t before = 0;
            {
                Client client = server.connect();
                // One that is waited for: what a process needs for that it has then.
                BOOST_TEST(answer(client, "sleep 0.1") == "0 0|");
                if (mode == "preforking")
                    serving = std::stoi(children(server.pid()));
                before = open_descriptors(serving);
                for (int i = 0; i < 5; ++i)
                    BOOST_TEST(answer(client, "sleep 1000 >/dev/null 2>&1 & exit 3") == "3 0|");
                BOOST_TEST(answer(client, "sleep 1000") == "timeout 0|");
                BOOST_TEST(answer(client, "no_such_command 2>/dev/null") == "127 0|");
            }
            BOOST_TEST(eventually([&] { return children(serving).empty(); }));
            BOOST_TEST(eventually([&] { return open_descriptors(serving) < before + (mode == "forking"); }));
        }
    }
}

BOOST_AUTO_TEST_CASE(no_other_machine_can_connect_unless_that_is_meant) {
    const std::vector<std::pair<std::string, std::string>> hosts{{"0.0.0.0", "0.0.0.0:8082"}, {"", "*:8082"}};
    for (const auto& [host, where] : hosts) {
        const Outcome outcome = run({"command_server", "--host", host});
        BOOST_TEST(outcome.status == 2);
        BOOST_TEST(outcome.output == "");
        BOOST_TEST(outcome.error == "command_server: will not listen on " + where + ": " + refusal);
    }
    Server meant({"command_server", "--host", "0.0.0.0", "--port", "0", "--allow-remote"});
    Client client("127.0.0.1", meant.port());
    BOOST_TEST(answer(client, "echo hello") == "0 6|hello\n");
}

BOOST_AUTO_TEST_CASE(a_socket_handed_over_is_looked_at_too) {
    const Listener listener(INADDR_ANY);
    Program server({"sh", "-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\"", program_path("command_server")},
                   {.three = listener.fd()});
    BOOST_TEST(server.output() == "");
    BOOST_TEST(server.error() == "command_server: will not listen on the socket of LISTEN_FDS: " + refusal);
    BOOST_TEST(server.wait() == 2);
}

BOOST_AUTO_TEST_CASE(a_unix_socket_is_its_owner_s) {
    const TemporaryDirectory folder;
    const std::string path = folder / "socket";
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"sh", "-c", "umask 0; exec \"$0\" --mode \"$1\" --unix \"$2\"",
                           program_path("command_server"), mode, path});
            struct stat status {};
            BOOST_REQUIRE(::stat(path.c_str(), &status) == 0);
            BOOST_TEST((status.st_mode & 07777U) == 0600U);
            BOOST_TEST(run({"nc", "-N", "-U", path}, "echo hello\n").output == "0 6\nhello\n");
            BOOST_TEST(server.stop() == "... connected from: (unnamed)\n");
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
