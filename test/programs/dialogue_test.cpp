/// \file
/// What the servers say to their clients and to whoever started them, in every mode over every address.

#include "program.hpp"

#include <support/case_guard.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace socketserver::test {

namespace {

/// Holds a dialogue over a connection, ends the server and checks all it said on standard error.
void check_connections(Server& server) {
    Client client = server.connect();
    client.send("hello\r\n\nwor");
    BOOST_TEST(without_time(client.read_line()) == "hello\n");
    BOOST_TEST(without_time(client.read_line()) == "\n");
    client.send("ld\n");
    BOOST_TEST(without_time(client.read_line()) == "world\n");
    client.half_close();
    BOOST_TEST(client.read_all() == "");
    const std::string name = client.local_address();
    BOOST_TEST(server.stop() == "... connected from: " + (name.empty() ? "(unnamed)" : name) + "\n");
    BOOST_TEST(server.output() == "");
}

/// The same with datagrams.
void check_datagrams(Server& server) {
    DatagramClient client = server.datagrams();
    client.send("hello\r\nworld");
    BOOST_TEST(without_time(client.receive()) == "hello\r\nworld");
    client.send("");
    BOOST_TEST(without_time(client.receive()) == "");
    const std::string line = "... received from: " + client.local_address() + "\n";
    BOOST_TEST(server.stop() == line + line);
    BOOST_TEST(server.output() == "");
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(dialogue, CaseGuard)

BOOST_AUTO_TEST_CASE(the_time_server_serves_tcp) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--port", "0"});
            BOOST_TEST(server.family() == "tcp");
            BOOST_TEST(server.address() == "127.0.0.1:" + std::to_string(server.port()));
            BOOST_TEST(server.mode() == mode);
            check_connections(server);
        }
    }
}

BOOST_AUTO_TEST_CASE(few_of_many_datagrams_are_logged) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--udp", "--port", "0"});
            DatagramClient client("127.0.0.1", server.port());
            constexpr int count = 100;
            for (int i = 0; i < count; ++i) {
                client.send("line");
                BOOST_TEST_REQUIRE(client.receive().ends_with("] line"));
            }
            const std::string logged = server.stop();
            // Ten a second; it may have taken some.
            const auto lines = std::count(logged.begin(), logged.end(), '\n');
            BOOST_TEST(lines >= 10);
            BOOST_TEST(lines < count);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_time_server_serves_udp) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--udp", "--port", "0"});
            BOOST_TEST(server.family() == "udp");
            BOOST_TEST(server.address() == "127.0.0.1:" + std::to_string(server.port()));
            BOOST_TEST(server.mode() == mode);
            check_datagrams(server);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_time_server_serves_ipv6) {
    if (!has_ipv6()) {
        BOOST_TEST_MESSAGE("this machine has no IPv6");
        return;
    }
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--host", "::1", "--port", "0"});
            BOOST_TEST(server.family() == "tcp");
            BOOST_TEST(server.address() == "[::1]:" + std::to_string(server.port()));
            check_connections(server);
            Server datagrams({"time_server", "--mode", mode, "--host", "::1", "--port", "0", "--udp"});
            BOOST_TEST(datagrams.family() == "udp");
            BOOST_TEST(datagrams.address() == "[::1]:" + std::to_string(datagrams.port()));
            check_datagrams(datagrams);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_time_server_serves_any_address) {
    const std::string any = has_ipv6() ? "[::]:" : "0.0.0.0:";
    Server server({"time_server", "--host", "", "--port", "0"});
    BOOST_TEST(server.address() == any + std::to_string(server.port()));
    Client ipv4("127.0.0.1", server.port());
    ipv4.send("four\n");
    BOOST_TEST(without_time(ipv4.read_line()) == "four\n");
    BOOST_TEST(server.error_line() == "... connected from: " + ipv4.local_address() + "\n");
    Server datagrams({"time_server", "--host=", "--port", "0", "--udp"});
    BOOST_TEST(datagrams.address() == any + std::to_string(datagrams.port()));
    DatagramClient client("127.0.0.1", datagrams.port());
    client.send("four");
    BOOST_TEST(without_time(client.receive()) == "four");
    BOOST_TEST(datagrams.stop() == "... received from: " + client.local_address() + "\n");
    BOOST_TEST(server.stop() == "");
}

BOOST_AUTO_TEST_CASE(the_time_server_serves_unix_sockets) {
    const TemporaryDirectory folder;
    const std::string path = folder / "socket";
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--unix", path});
            BOOST_TEST(server.family() == "unix");
            BOOST_TEST(server.address() == path);
            BOOST_TEST(server.mode() == mode);
            check_connections(server);
            BOOST_TEST(!std::filesystem::exists(path));
            Server datagrams({"time_server", "--mode", mode, "--unix", path, "--udp"});
            BOOST_TEST(datagrams.family() == "unix");
            BOOST_TEST(datagrams.address() == path);
            check_datagrams(datagrams);
            BOOST_TEST(!std::filesystem::exists(path));
        }
    }
}

BOOST_AUTO_TEST_CASE(selecting_serves_by_every_system_call) {
    for (const std::string selector : {"epoll", "poll", "select"}) {
        BOOST_TEST_CONTEXT(selector) {
            Server server({"time_server", "--mode", "selecting", "--selector", selector, "--port", "0"});
            check_connections(server);
            Server datagrams({"time_server", "--mode", "selecting", "--selector", selector, "--port", "0", "--udp"});
            check_datagrams(datagrams);
        }
    }
}

BOOST_AUTO_TEST_CASE(preforking_serves_by_every_inner_mode) {
    for (const std::string inner : {"blocking", "threading", "selecting"}) {
        BOOST_TEST_CONTEXT(inner) {
            const std::vector<std::string> command{"time_server", "--mode", "preforking", "--inner", inner,
                                                   "--port",      "0",      "--workers",  "2"};
            Server server(command);
            BOOST_TEST(server.mode() == "preforking");
            check_connections(server);
            std::vector<std::string> own = command;
            own.insert(own.end(), {"--own-listeners", "--udp"});
            Server datagrams(own);
            check_datagrams(datagrams);
        }
    }
}

BOOST_AUTO_TEST_CASE(an_event_style_handler_is_served_in_every_mode) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"event_test_server", "--mode", mode, "--text", "> "});
            const bool selects = mode == "selecting" || mode == "preforking";
            const std::string before = selects ? "> called: " : "> waited: ";
            Client client = server.connect();
            client.send("one\n");
            BOOST_TEST(client.read_line() == before + "one\n");
            client.send("bye\n");
            BOOST_TEST(client.read_all() == before + "bye\n");
            BOOST_TEST(server.stop() == "... connected from: " + client.local_address() + "\n");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_connection_is_left_to_the_kernel_until_its_client_speaks) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--port", "0", "--defer-accept"});
            const Client silent = server.connect();
            Client client = server.connect();
            client.send("hello\n");
            client.half_close();
            BOOST_TEST(without_time(client.read_line()) == "hello\n");
            BOOST_TEST(client.read_all() == "");
            BOOST_TEST(server.stop() == "... connected from: " + client.local_address() + "\n");
        }
    }
}

BOOST_AUTO_TEST_CASE(the_echo_server_sends_lines_back) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"echo_server", "--mode", mode, "--port", "0"});
            Client client = server.connect();
            client.send("one\r\ntwo");
            BOOST_TEST(client.read_line() == "one\r\n");
            client.half_close();
            BOOST_TEST(client.read_all() == "two");
            BOOST_TEST(server.stop() == "... connected from: " + client.local_address() + "\n");
        }
    }
}

BOOST_AUTO_TEST_CASE(the_echo_server_sends_bytes_back) {
    Server server({"echo_server", "--raw", "--port", "0"});
    Client client = server.connect();
    client.send("no line end");
    BOOST_TEST(client.read_exactly(11) == "no line end");
    BOOST_TEST(server.stop() == "... connected from: " + client.local_address() + "\n");
}

BOOST_AUTO_TEST_CASE(the_echo_server_sends_datagrams_back) {
    Server server({"echo_server", "--udp", "--port", "0"});
    DatagramClient client = server.datagrams();
    client.send("");
    BOOST_TEST(client.receive() == "");
    client.send("two\nlines");
    BOOST_TEST(client.receive() == "two\nlines");
    const std::string line = "... received from: " + client.local_address() + "\n";
    BOOST_TEST(server.stop() == line + line);
}

BOOST_AUTO_TEST_CASE(a_handlers_options_reach_it) {
    Server server({"test_server", "--flag", "--text", "words", "--count=8", "--span", "0.5", "--quiet"});
    BOOST_TEST(server.port() != 0);  // it names no port of its own
    Client client = server.connect();
    client.send("options\n");
    BOOST_TEST(client.read_line() == "flag words 8 500000000\n");
    BOOST_TEST(server.stop() == "");
}

BOOST_AUTO_TEST_CASE(quiet_leaves_only_errors) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"test_server", "--quiet", "--mode", mode});
            Client resetting = server.connect();
            resetting.send("options\n");
            BOOST_TEST(resetting.read_line() == "none 3 1500000000\n");
            resetting.reset();
            Client client = server.connect();
            client.send("throw\n");
            BOOST_TEST(client.read_all() == "");
            BOOST_TEST(server.stop() == "test_server: request from " + client.local_address() + ": as told\n");
        }
    }
}

// ---- The clients that users have --------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(netcat_is_answered) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--port", "0"});
            const Outcome nc = run({"nc", "-q1", "127.0.0.1", std::to_string(server.port())}, "hello\r\n");
            BOOST_TEST(without_time(nc.output) == "hello\n");
            BOOST_TEST(nc.error == "");
            BOOST_TEST(nc.status == 0);
            BOOST_TEST(server.stop().starts_with("... connected from: 127.0.0.1:"));
        }
    }
}

BOOST_AUTO_TEST_CASE(netcat_is_answered_over_unix_sockets_and_udp) {
    const TemporaryDirectory folder;
    const std::string path = folder / "socket";
    const Server local({"time_server", "--unix", path});
    BOOST_TEST(without_time(run({"nc", "-q1", "-U", path}, "hello\n").output) == "hello\n");
    const Server udp({"time_server", "--udp", "--port", "0"});
    Program nc({"nc", "-u", "127.0.0.1", std::to_string(udp.port())});
    nc.write("hello\n");
    BOOST_TEST(without_time(nc.output_line()) == "hello\n");
}

BOOST_AUTO_TEST_CASE(telnet_is_answered) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            const Server server({"time_server", "--mode", mode, "--port", "0"});
            Program telnet({"telnet", "127.0.0.1", std::to_string(server.port())});
            std::string line;
            do {
                line = telnet.output_line();
                BOOST_REQUIRE(!line.empty());
            } while (!line.starts_with("Escape character is"));
            telnet.write("hello\n");
            BOOST_TEST(without_time(telnet.output_line()) == "hello\n");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_plain_python_client_is_answered) {
    const Server server({"time_server", "--port", "0"});
    const Outcome python = run({"python3", "-c",
                                "import socket\n"
                                "with socket.create_connection(('127.0.0.1', " +
                                    std::to_string(server.port()) +
                                    ")) as s:\n"
                                    "    s.sendall(b'hello\\r\\n')\n"
                                    "    print(s.recv(1024).decode(), end='')\n"});
    BOOST_TEST(without_time(python.output) == "hello\n");
    BOOST_TEST(python.error == "");
    BOOST_TEST(python.status == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
