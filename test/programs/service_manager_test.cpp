/// \file
/// Servers that are handed their socket, as systemd does it (sd_listen_fds(3)).

#include "program.hpp"

#include <support/case_guard.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace socketserver::test {

namespace {

/// A socket bound to a free port of 127.0.0.1.
detail::ClientSocket bound(int type) {
    detail::ClientSocket socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    BOOST_REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return socket;
}

detail::ClientSocket bound_to_path(const std::string& path) {
    detail::ClientSocket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    BOOST_REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return socket;
}

std::string address_of(const detail::ClientSocket& socket) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    BOOST_REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

/// A command as a service manager starts it; only the process itself knows its number.
std::vector<std::string> activated(const std::vector<std::string>& command, const std::string& count = "1",
                                   const std::string& pid = "$$") {
    std::vector<std::string> shell{
        "sh", "-c", "LISTEN_PID=" + pid + " LISTEN_FDS=" + count + " LISTEN_FDNAMES=x exec \"$0\" \"$@\"",
        program_path(command.front())};
    shell.insert(shell.end(), command.begin() + 1, command.end());
    return shell;
}

Outcome run_activated(const std::vector<std::string>& command, const detail::ClientSocket& socket,
                      const std::string& count = "1") {
    Program program(activated(command, count), {.three = socket.get()});
    std::string output = program.output();
    std::string error = program.error();
    return {program.wait(), std::move(output), std::move(error)};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(service_manager, CaseGuard)

BOOST_AUTO_TEST_CASE(a_listening_socket_is_adopted) {
    const auto socket = bound(SOCK_STREAM);
    BOOST_REQUIRE(::listen(socket.get(), 10) == 0);
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server(activated({"test_server", "--mode", mode}), {.three = socket.get()});
            BOOST_TEST(server.family() == "tcp");
            BOOST_TEST(server.address() == address_of(socket));
            Client client = server.connect();
            client.send("env LISTEN_PID\nenv LISTEN_FDS\nenv LISTEN_FDNAMES\n");
            for (int i = 0; i < 3; ++i)
                BOOST_TEST(client.read_line() == "unset\n");
            std::ifstream info("/proc/" + std::to_string(server.pid()) + "/fdinfo/3");
            std::string key;
            unsigned flags = 0;
            while (info >> key && key != "flags:") {
            }
            info >> std::oct >> flags;
            BOOST_TEST((flags & static_cast<unsigned>(O_CLOEXEC)) != 0U);
            BOOST_TEST(server.stop() == "... connected from: " + client.local_address() + "\n");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_datagram_socket_is_adopted) {
    const auto socket = bound(SOCK_DGRAM);
    Server server(activated({"time_server", "--udp"}), {.three = socket.get()});
    BOOST_TEST(server.family() == "udp");
    BOOST_TEST(server.address() == address_of(socket));
    DatagramClient client = server.datagrams();
    client.send("hello");
    BOOST_TEST(without_time(client.receive()) == "hello");
    BOOST_TEST(server.stop() == "... received from: " + client.local_address() + "\n");
}

BOOST_AUTO_TEST_CASE(an_adopted_unix_socket_keeps_its_file) {
    const TemporaryDirectory folder;
    const std::string path = folder / "socket";
    const auto socket = bound_to_path(path);
    BOOST_REQUIRE(::listen(socket.get(), 10) == 0);
    Server server(activated({"time_server"}), {.three = socket.get()});
    BOOST_TEST(server.family() == "unix");
    BOOST_TEST(server.address() == path);
    Client client = server.connect();
    client.send("hello\n");
    BOOST_TEST(without_time(client.read_line()) == "hello\n");
    BOOST_TEST(server.stop() == "... connected from: (unnamed)\n");
    BOOST_TEST(std::filesystem::exists(path));
}

BOOST_AUTO_TEST_CASE(what_was_meant_for_another_process_is_left_alone) {
    const auto socket = bound(SOCK_STREAM);
    BOOST_REQUIRE(::listen(socket.get(), 10) == 0);
    Server server(activated({"time_server", "--port", "0"}, "1", "1"), {.three = socket.get()});
    BOOST_TEST(server.address() != address_of(socket));
    BOOST_TEST(server.stop() == "");
    Server none(activated({"time_server", "--port", "0"}, "0"), {.three = socket.get()});
    BOOST_TEST(none.address() != address_of(socket));
    BOOST_TEST(none.stop() == "");
}

BOOST_AUTO_TEST_CASE(a_socket_that_cannot_be_served_exits_1_with_one_line) {
    const auto check = [](const Outcome& outcome, const std::string& message) {
        BOOST_TEST(outcome.status == 1);
        BOOST_TEST(outcome.output == "");
        BOOST_TEST(outcome.error == "time_server: " + message + "\n");
    };
    const auto stream = bound(SOCK_STREAM);
    check(run_activated({"time_server"}, stream), "the socket of LISTEN_FDS is not listening");
    check(run_activated({"time_server", "--udp"}, stream), "the socket of LISTEN_FDS is not one for datagrams");
    const auto datagram = bound(SOCK_DGRAM);
    check(run_activated({"time_server"}, datagram), "the socket of LISTEN_FDS is not one for connections");
    check(run_activated({"time_server"}, stream, "2"), "LISTEN_FDS is '2', but this server takes one socket");
    check(run_activated({"time_server"}, stream, "many"), "LISTEN_FDS is 'many', but this server takes one socket");
    const detail::ClientSocket file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    check(run_activated({"time_server"}, file), "the descriptor of LISTEN_FDS: Socket operation on non-socket");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
