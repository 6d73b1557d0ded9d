// Scenarios 55 to 58: where a server listens, what it logs of strangers, and which descriptors it can use.

#include "fault_case.hpp"
#include "fault_server.hpp"
#include "process.hpp"

#include <programs/program.hpp>
#include <support/eventually.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace socketserver::test {

namespace {

std::vector<std::string> command_of(const FaultMode& mode, const std::string& program,
                                    const std::vector<std::string>& arguments) {
    std::vector<std::string> command{program};
    command.insert(command.end(), mode.arguments.begin(), mode.arguments.end());
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
}

/// A Unix stream socket bound to a path.
Client bound(const std::filesystem::path& path) {
    Client socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.native().copy(address.sun_path, sizeof address.sun_path - 1);
    BOOST_TEST_REQUIRE(::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return socket;
}

/// Leaves the file that a server leaves which is killed.
void leave_stale_file(const std::filesystem::path& path) {
    bound(path).close();
}

}  // namespace

FAULT_CASE(55, of_servers_that_start_at_once_on_a_stale_file_one_takes_it_over, every_mode) {
    constexpr int count = 5;
    const int rounds = load(2, 50);
    for (int round = 0; round < rounds; ++round) {
        const TemporaryDirectory folder;
        const auto path = folder / "socket";
        leave_stale_file(path);
        std::vector<std::unique_ptr<Program>> programs;
        for (int i = 0; i < count; ++i)
            programs.push_back(std::make_unique<Program>(command_of(mode, "fault_server", {"--unix", path})));
        int listening = 0;
        for (const auto& program : programs) {
            if (!program->output_line().empty()) {
                ++listening;
                continue;
            }
            BOOST_TEST(program->error_line() ==
                       "fault_server: cannot listen on " + path.string() +
                           ": Address already in use; end the server that listens there, or choose another path\n");
            BOOST_TEST(program->wait() == 1);
        }
        BOOST_TEST(listening == 1);
        Client client(path);
        client.send("line\n");
        BOOST_TEST(client.read_line() == "line\n");
        client.close();
        for (const auto& program : programs) {
            program->signal(SIGTERM);
            BOOST_TEST(program->wait() <= 1);
        }
        BOOST_TEST(std::filesystem::is_empty(folder.path()));
    }
    return grouped(rounds) +
           " times 5 servers at once: one listens and is reached, four say that the address is in use";
}

FAULT_CASE(55, a_server_waits_while_another_one_takes_a_stale_file_over, every_mode) {
    const TemporaryDirectory folder;
    const auto path = folder / "socket";
    leave_stale_file(path);
    Client lock(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    BOOST_TEST_REQUIRE(::flock(lock.fd(), LOCK_EX) == 0);
    Program program(command_of(mode, "fault_server", {"--unix", path}));
    // It has come as far as it can.
    BOOST_TEST(eventually([&] { return is_sleeping(program.pid()); }));
    std::filesystem::remove(path);
    const Client other = bound(path);
    lock.close();
    BOOST_TEST(program.output_line() == "");
    BOOST_TEST(program.wait() == 1);
    BOOST_TEST(std::filesystem::exists(path));
    return "waits for the lock on the folder, and leaves the file to the one that was first";
}

FAULT_CASE(56, what_strangers_send_is_safe_to_print_in_the_log, every_mode) {
    FaultServer server(mode);
    const std::string right_to_left{'\xe2', '\x80', '\xae'};
    BOOST_TEST(server.ask("throw a\x1b]0;x\x07\r\t\x7f \xc2\x9b \x9b \xff gr\xc3\xbcn " + right_to_left) == "");
    BOOST_TEST(server.next_message().ends_with(
        ": a\\x1b]0;x\\x07\\x0d\\x09\\x7f \\xc2\\x9b \\x9b \\xff gr\xc3\xbcn \\xe2\\x80\\xae\n"));
    return "escape sequences, C1, bytes that are no UTF-8: as `\\xNN`, on one line";
}

FAULT_CASE(57, a_port_that_another_server_has_is_told_of, every_mode) {
    for (const std::string& option : mode.preforks ? std::vector<std::string>{"--reuse-port", "--own-listeners"}
                                                   : std::vector<std::string>{"--reuse-port"}) {
        for (const bool udp : {false, true}) {
            std::vector<std::string> arguments{"--host", "127.0.0.1", option, "--port", "0"};
            if (udp)
                arguments.emplace_back("--udp");
            Server first(command_of(mode, "echo_server", arguments));
            arguments[4] = std::to_string(first.port());
            Server second(command_of(mode, "echo_server", arguments));
            BOOST_TEST(second.error_line() == "echo_server: another process or server listens on " + first.address() +
                                                  " too: the kernel shares what comes among them\n");
            BOOST_TEST(second.stop() == "");
            BOOST_TEST(first.stop() == "");
        }
    }
    return "a warning names the address";
}

FAULT_CASE(58, connections_that_select_cannot_watch_wait, modes_of_fibers) {
    constexpr int count = 40;
    Server server(command_of(mode, "fault_server", {"--quiet", "--selector", "select"}), {.many = 1'000});
    std::vector<Client> clients;
    for (int i = 0; i < count; ++i) {
        clients.push_back(server.connect());
        clients.back().send(std::to_string(i) + '\n');
    }
    BOOST_TEST(server.error_line().find("no descriptor below 1024 for select(2)") != std::string::npos);
    // Each that leaves makes room for one.
    for (int i = 0; i < count; ++i) {
        BOOST_TEST(line_or_end(clients[static_cast<std::size_t>(i)]) == std::to_string(i) + '\n');
        clients[static_cast<std::size_t>(i)].close();
    }
    BOOST_TEST(server.stop().find("exit") == std::string::npos);
    return "40 connections with room for a few: all served, one after the other";
}

}  // namespace socketserver::test
