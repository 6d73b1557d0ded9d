// Scenarios 45 to 48 and 52: what a server inherits from who starts it: signals, and standard streams that are closed.

#include "fault_case.hpp"
#include "fault_server.hpp"
#include "plain_server.hpp"
#include "process.hpp"

#include <support/children.hpp>
#include <support/eventually.hpp>

#include <boost/test/unit_test.hpp>

#include <signal.h>

#include <string>
#include <tuple>
#include <vector>

namespace socketserver::test {

namespace {

/// How env(1) starts a server with other signals than ours.
std::vector<std::string> by_env(const std::string& option) {
    return {"sh", "-c", "exec env " + option + R"( "$0" "$@")"};
}

/// Has a client end its connection in a bad way, and lets the server go on.
template <class Server>
void check_lives_on_without_streams(Server& server) {
    BOOST_TEST(server.ask("throw") == "");
    BOOST_TEST(server.ask("hello") == "hello\n");
    Client client = server.connect();
    client.send("here\n");
    BOOST_TEST(client.read_line() == "here\n");
    auto processes = server.processes();
    for (const pid_t child : children_of(processes.front()))
        processes.push_back(child);
    for (const pid_t process : processes) {
        for (const std::string& stream : standard_streams_of(process))
            BOOST_TEST(stream == "/dev/null");
    }
}

}  // namespace

FAULT_CASE(45, children_are_waited_for_although_sigchld_is_ignored, every_mode) {
    FaultServer server(mode, {"--quiet"}, {}, by_env("--ignore-signal=CHLD"));
    BOOST_TEST(!ignores(server.pid(), SIGCHLD));  // for whatever a handler may run, too
    for (int i = 0; i < 3; ++i) {
        BOOST_TEST(server.ask("run exit 5") == "exit 5\n");
        BOOST_TEST(server.ask("run kill -TERM $$") == "signal 15\n");
    }
    if (mode.forks || mode.preforks) {
        Client client = server.connect();
        // Nobody's request but its own dies with it.
        BOOST_TEST(eventually([&] { return FaultServer::count(client, "active") == 1; }));
        client.send("die\n");
        BOOST_TEST(client.read_all() == "");
        const std::string message = server.next_message();
        BOOST_TEST(message.find(" was killed by signal 9 (Killed)") != std::string::npos, message);
        BOOST_TEST(server.count("failed") == 1);
        BOOST_TEST(eventually([&] { return zombies_of(server.pid()) == 0; }));
    }
    BOOST_TEST(server.stop() == "");
    return mode.forks || mode.preforks ? "statuses of programs and the crash of a child are told, 0 zombies"
                                       : "statuses of programs are told";
}

FAULT_CASE(46, a_signal_that_is_ignored_at_the_start_stays_ignored, every_mode) {
    for (const auto& [ignored, name, other] :
         {std::tuple(SIGINT, "INT", SIGTERM), std::tuple(SIGTERM, "TERM", SIGINT)}) {
        FaultServer server(mode, {"--quiet"}, {}, by_env(std::string("--ignore-signal=") + name));
        // The kernel throws such a signal away when it is sent: there is nothing to wait for.
        BOOST_TEST(ignores(server.pid(), ignored));
        BOOST_TEST(!blocks(server.pid(), ignored));
        server.program().signal(ignored);
        BOOST_TEST(server.ask("hello") == "hello\n");
        server.leave_it();
        BOOST_TEST(server.program().stop(other) == "");
    }
    return "SIGINT and SIGTERM: each ignored, the other one ends it in order";
}

FAULT_CASE(47, a_program_without_standard_streams_serves, every_mode) {
    ShellServer server = ShellServer::program(mode, R"(exec "$@" <&- >&- 2>&-)");
    check_lives_on_without_streams(server);
    for (const pid_t process : server.processes())
        BOOST_TEST(standard_streams_of(process).size() == 3U);
    server.process().signal(SIGTERM);
    BOOST_TEST(server.process().wait() == 0);
    return "descriptors 0 to 2 are /dev/null, a handler that throws ends only its request";
}

FAULT_CASE(48, a_server_of_a_user_without_standard_streams_serves, every_mode) {
    for (const std::string closed : {"<&- >&- 2>&-", "<&-", ">&- </dev/null", "2>&- >/dev/null </dev/null"}) {
        ShellServer server = ShellServer::plain(mode, "exec \"$@\" >/dev/null 2>/dev/null </dev/null " + closed);
        check_lives_on_without_streams(server);
        BOOST_TEST(server.ask("stop") == "stop\n");
        BOOST_TEST(server.process().wait() == 0);
    }
    return "all, and each by itself: no descriptor below 3 is the library's, a handler that throws ends only its "
           "request";
}

FAULT_CASE(52, signals_that_are_blocked_at_the_start_do_not_matter, every_mode) {
    FaultServer server(mode, {"--quiet"}, {}, by_env("--block-signal"));
    BOOST_TEST(server.ask("run kill -TERM $$") == "signal 15\n");
    // For the moment in which it makes a thread or a child, a process may block them itself.
    for (const pid_t process : server.accepting()) {
        for (const int signal : {SIGSEGV, SIGBUS, SIGURG, SIGCHLD, SIGPIPE, SIGHUP, SIGQUIT})
            BOOST_TEST(eventually([&] { return !blocks(process, signal); }), "blocks signal " << signal);
    }
    auto clients = server.served_clients(mode.one_at_a_time ? 0 : 3);
    // They let them through, whatever was blocked.
    for (const pid_t child : children_of(server.pid())) {
        for (const int signal : {SIGINT, SIGTERM})
            BOOST_TEST(eventually([&] { return !blocks(child, signal); }), "a child blocks signal " << signal);
    }
    server.program().signal(SIGTERM);
    for (Client& client : clients)
        BOOST_TEST(client.read_all() == "");
    server.leave_it();
    BOOST_TEST(server.program().error() == "");
    BOOST_TEST(server.program().wait() == 0);
    return "all signals blocked: SIGTERM ends it in order, programs that handlers run have none blocked";
}

}  // namespace socketserver::test
