/// \file
/// How signals end servers.

#include "program.hpp"

#include <support/case_guard.hpp>
#include <support/children.hpp>
#include <support/eventually.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <signal.h>
#include <sys/types.h>

#include <filesystem>
#include <string>

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(shutdown_by_signal, CaseGuard)

BOOST_AUTO_TEST_CASE(an_idle_client_gets_eof_at_once) {
    for (const std::string& mode : modes) {
        for (const int number : {SIGTERM, SIGINT}) {
            BOOST_TEST_CONTEXT(mode << ", signal " << number) {
                // To drain takes longer than this test may.
                Server server({"time_server", "--mode", mode, "--port", "0", "--drain", "3600"});
                Client client = server.connect();
                client.send("hello\nand a part");
                BOOST_TEST(without_time(client.read_line()) == "hello\n");
                server.signal(number);
                BOOST_TEST(client.read_all() == "");
                BOOST_TEST(server.error() == "... connected from: " + client.local_address() + "\n");
                BOOST_TEST(server.wait() == 0);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_server_without_clients_ends) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--port", "0"});
            BOOST_TEST(server.stop(SIGINT) == "");
            Server datagrams({"time_server", "--mode", mode, "--port", "0", "--udp"});
            BOOST_TEST(datagrams.stop() == "");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_running_request_is_completed) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"test_server", "--mode", mode, "--drain", "3600"});
            Client client = server.connect();
            client.send("stop\noptions\n");
            BOOST_TEST(client.read_line() == "waiting\n");
            server.signal(SIGTERM);
            BOOST_TEST(client.read_line() == "done\n");
            BOOST_TEST(client.read_line() == "none 3 1500000000\n");
            BOOST_TEST(client.read_line() == "");
            BOOST_TEST(server.error() == "... connected from: " + client.local_address() + "\n");
            BOOST_TEST(server.wait() == 0);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_second_signal_cuts_nothing_short_where_nothing_runs) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--port", "0"});
            server.signal(SIGINT);
            BOOST_TEST(server.stop(SIGTERM) == "");
        }
    }
}

BOOST_AUTO_TEST_CASE(ctrl_c_on_a_terminal_spares_running_children) {
    Server server({"test_server", "--mode", "forking", "--drain", "3600"});
    Client client = server.connect();
    client.send("stop\n");
    BOOST_TEST(client.read_line() == "waiting\n");
    BOOST_TEST(server.error_line() == "... connected from: " + client.local_address() + "\n");
    // As a terminal does, to the parent and the child alike.
    const auto children = children_of(server.pid());
    BOOST_REQUIRE(!children.empty());
    ::kill(children.front(), SIGINT);
    server.signal(SIGINT);
    BOOST_TEST(client.read_line() == "done\n");
    BOOST_TEST(server.error() == "");
    BOOST_TEST(server.wait() == 0);
}

BOOST_AUTO_TEST_CASE(a_second_signal_ends_it_now) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"test_server", "--mode", mode, "--drain", "3600"});
            Client client = server.connect();
            client.send("spin\n");
            BOOST_TEST(client.read_line() == "spinning\n");
            BOOST_TEST(server.error_line() == "... connected from: " + client.local_address() + "\n");
            server.signal(SIGTERM);
            BOOST_TEST(client.read_line() == "stopping\n");
            server.signal(SIGINT);
            if (mode == "forking") {
                const std::string killed = server.error_line();
                BOOST_TEST(killed.starts_with("test_server: request from " + client.local_address() + ": child "));
                BOOST_TEST(killed.ends_with(" was killed by signal 9 (Killed)\n"));
            } else if (mode == "preforking") {
                const std::string killed = server.error_line();
                BOOST_TEST(killed.starts_with("test_server: worker "));
                BOOST_TEST(killed.ends_with(" was killed by signal 9 (Killed)\n"));
            }
            BOOST_TEST(server.error() == "test_server: 1 request cut short by a second signal\n");
            BOOST_TEST(server.wait() == 1);
            BOOST_TEST(client.read_line() == "");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_second_signal_is_heeded_while_children_end) {
    Server server({"test_server", "--mode", "forking", "--drain", "3600", "--quiet"});
    Client silent = server.connect();
    Client client = server.connect();
    client.send("spin\n");
    BOOST_TEST(client.read_line() == "spinning\n");
    server.signal(SIGTERM);
    BOOST_TEST(client.read_line() == "stopping\n");
    // Whoever has sent nothing is waited for first.
    BOOST_TEST(silent.read_line() == "");
    BOOST_TEST(eventually([&] { return children_of(server.pid()).size() == 1; }));
    server.signal(SIGINT);
    BOOST_TEST(client.read_line() == "");
    BOOST_TEST(server.wait() == 1);
}

BOOST_AUTO_TEST_CASE(a_handler_that_computes_on_does_not_keep_it_beyond_the_deadline) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"test_server", "--mode", mode, "--drain", "0.1", "--quiet"});
            Client client = server.connect();
            client.send("spin\n");
            BOOST_TEST(client.read_line() == "spinning\n");
            server.signal(SIGTERM);
            BOOST_TEST(client.read_line() == "stopping\n");
            const std::string error = server.error();
            if (mode == "forking" || mode == "preforking") {
                BOOST_TEST(error.find(" was killed by signal 9 (Killed)\n") != std::string::npos);
                BOOST_TEST(error.ends_with("test_server: 1 request cut after 0.1 s\n"));
                BOOST_TEST(server.wait() == 0);
            } else {
                BOOST_TEST(error == "test_server: 1 request still running when the time to drain was up\n");
                BOOST_TEST(server.wait() == 1);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_handler_that_waits_on_is_cut_at_the_deadline) {
    for (const std::string mode : {"blocking", "threading", "selecting"}) {
        BOOST_TEST_CONTEXT(mode) {
            const TemporaryDirectory folder;
            const std::string path = folder / "socket";
            Server server({"test_server", "--mode", mode, "--unix", path, "--drain", "0.1", "--quiet"});
            Client client = server.connect();
            client.send("sleep\n");
            BOOST_TEST(client.read_line() == "sleeping\n");
            BOOST_TEST(server.stop() == "test_server: 1 request cut after 0.1 s\n");
            BOOST_TEST(!std::filesystem::exists(path));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
