#include "servers/serving.hpp"
#include "support/case_guard.hpp"
#include "support/eventually.hpp"
#include "support/forked.hpp"
#include "support/rlimit.hpp"

#include <socketserver/concurrency/forking.hpp>
#include <socketserver/os/shared_memory.hpp>
#include <socketserver/tcp_server.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <csignal>
#include <set>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace socketserver::test {

namespace {

using Forked = Serving<TCPServer<StreamScriptHandler, Forking>>;

/// The only child, once it is known.
pid_t only_child(const Forked& scene) {
    std::set<pid_t> children;
    BOOST_TEST_REQUIRE(eventually([&] {
        children = scene.server().active_children();
        return children.size() == 1;
    }));
    return *children.begin();
}

/// How many handlers run at once, seen from all of them.
struct Crowd {
    std::atomic<int> now{0};
    std::atomic<int> most{0};

    void enter() {
        const int present = ++now;
        for (int seen = most; seen < present && !most.compare_exchange_weak(seen, present);) {
        }
    }
    void leave() { --now; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(forking, CaseGuard)

BOOST_AUTO_TEST_CASE(has_no_children_left_once_closed) {
    Forked scene;
    scene.serve();
    Client client = scene.connect();
    client.send("hello\n");
    BOOST_TEST(client.read_line() == "hello\n");
    BOOST_TEST(eventually([&] { return scene.server().active_children().size() == 1; }));
    scene.stop();
    scene.server().server_close();
    BOOST_TEST(scene.server().active_children().empty());
    BOOST_TEST(::waitpid(-1, nullptr, WNOHANG) == -1);
}

BOOST_AUTO_TEST_CASE(reaps_children_while_nothing_else_happens) {
    Forked scene;
    scene.serve();
    Client client = scene.connect();
    client.half_close();
    BOOST_TEST(client.read_all().empty());
    BOOST_TEST(eventually([&] { return scene.server().active_children().empty(); }));
}

BOOST_AUTO_TEST_CASE(leaves_other_peoples_children_alone) {
    Forked scene;
    pid_t other = 0;
    // The serving thread's own child, and older than the others: what waitpid(-1) would find first.
    scene.script.verify_request = [&other](const Address&) {
        if (other == 0) {
            other = ::fork();
            if (other == 0)
                ::_exit(72);
            siginfo_t ended{};
            ::waitid(P_PID, static_cast<id_t>(other), &ended, WEXITED | WNOWAIT);
        }
        return true;
    };
    scene.serve();
    for (int i = 0; i < 3; ++i) {
        Client client = scene.connect();
        client.send("hello\n");
        client.half_close();
        BOOST_TEST(client.read_all() == "hello\n");
    }
    BOOST_TEST(eventually([&] { return scene.server().active_children().empty(); }));
    scene.stop();
    scene.server().server_close();
    int status = 0;
    BOOST_TEST(::waitpid(other, &status, 0) == other);
    BOOST_TEST(WEXITSTATUS(status) == 72);
}

BOOST_AUTO_TEST_CASE(survives_somebody_elses_reaping_its_children) {
    Forked scene({.first_input_grace = std::chrono::nanoseconds{0}});
    scene.serve();
    Client client = scene.connect();
    BOOST_TEST(scene.script.comes_to("handle"));
    const pid_t child = only_child(scene);
    scene.stop();  // the loop does not compete for it; the child is asked to end
    BOOST_TEST(client.read_all().empty());
    BOOST_TEST(::waitpid(child, nullptr, 0) == child);
    scene.server().server_close();
    BOOST_TEST(scene.server().active_children().empty());
}

BOOST_AUTO_TEST_CASE(runs_no_more_children_than_it_may) {
    const SharedMemory<Crowd> crowd;
    Forked scene({.forking = {.max_children = 3}});
    scene.script.handle = [&](Conversation& with) {
        crowd->enter();
        with.echo();
        crowd->leave();
    };
    std::vector<Client> clients;
    for (int i = 0; i < 12; ++i) {
        clients.push_back(scene.connect());
        clients.back().send("hello\n");
    }
    scene.serve();
    BOOST_TEST(scene.script.comes_to("handle", 3));
    BOOST_TEST(clients.back().nothing_within(std::chrono::milliseconds{20}));
    BOOST_TEST(eventually([&] { return scene.server().active_children().size() == 3; }));
    for (Client& client : clients) {
        client.half_close();
        BOOST_TEST(client.read_all() == "hello\n");
    }
    BOOST_TEST(crowd->most == 3);
}

BOOST_AUTO_TEST_CASE(handle_request_keeps_to_the_greatest_number_of_children_too) {
    Forked scene({.forking = {.max_children = 1}});
    Client first = scene.connect();
    first.send("first\n");
    scene.server().handle_request();
    BOOST_TEST(first.read_line() == "first\n");
    Client second = scene.connect();
    second.send("second\n");
    std::thread serving([&] { scene.server().handle_request(); });
    BOOST_TEST(second.nothing_within(std::chrono::milliseconds{20}));
    BOOST_TEST(scene.server().active_children().size() == 1U);
    first.half_close();
    BOOST_TEST(second.read_line() == "second\n");
    serving.join();
}

BOOST_AUTO_TEST_CASE(a_child_that_is_killed_costs_one_request_and_one_message) {
    Forked scene;
    scene.script.handle = [](Conversation& with) {
        if (with.rfile.read_line() == "die")
            std::raise(SIGKILL);
        with.wfile << "alive\n";
    };
    scene.serve();
    Client victim = scene.connect();
    const std::string name = victim.local_address();
    victim.send("die\n");
    BOOST_TEST(victim.read_all().empty());
    BOOST_TEST(eventually([&] { return scene.script.log.lines().size() == 1; }));
    BOOST_TEST(scene.logged("request from " + name + ": child ") == 1U);
    BOOST_TEST(scene.logged("was killed by signal 9 (Killed)") == 1U);
    Client client = scene.connect();
    client.send("hello\n");
    BOOST_TEST(client.read_line() == "alive\n");
    BOOST_TEST(scene.server().statistics().failed == 1U);
}

BOOST_AUTO_TEST_CASE(a_hundred_children_that_end_at_once_are_all_reaped) {
    constexpr std::size_t count = 100;
    Forked scene({.forking = {.max_children = count}});
    scene.script.handle = [&](Conversation&) { scene.script.await_gate(); };
    std::vector<Client> clients;
    for (std::size_t i = 0; i < count; ++i)
        clients.push_back(scene.connect());
    scene.serve();
    BOOST_TEST(scene.script.comes_to("handle", count));
    // A child may begin before its parent has noted it.
    BOOST_TEST(eventually([&] { return scene.server().active_children().size() == count; }));
    scene.script.gate.notify();
    BOOST_TEST(eventually([&] { return scene.server().active_children().empty(); }));
    BOOST_TEST(::waitpid(-1, nullptr, WNOHANG) == -1);
    BOOST_TEST(errno == ECHILD);
    BOOST_TEST(scene.server().statistics().handled == count);
}

BOOST_AUTO_TEST_CASE(sigterm_asks_a_child_to_end) {
    Forked scene;
    scene.script.handle = [](Conversation& with) {
        with.wfile << "hello\n";
        with.echo();
        with.wfile << "bye\n";
    };
    scene.serve();
    Client client = scene.connect();
    BOOST_TEST(client.read_line() == "hello\n");
    ::kill(only_child(scene), SIGTERM);
    BOOST_TEST(client.read_all() == "bye\n");
    BOOST_TEST(eventually([&] { return scene.server().statistics().handled == 1; }));
}

BOOST_AUTO_TEST_CASE(a_child_ignores_the_interrupt_that_goes_to_the_whole_group) {
    Forked scene;
    scene.serve();
    Client client = scene.connect();
    client.send("before\n");
    BOOST_TEST(client.read_line() == "before\n");
    ::kill(only_child(scene), SIGINT);
    client.send("after\n");
    BOOST_TEST(client.read_line() == "after\n");
}

BOOST_AUTO_TEST_CASE(a_child_does_not_hold_the_listening_socket) {
    Forked scene;
    scene.script.handle = [&](Conversation& with) { with.wfile << scene.server().fileno() << '\n'; };
    scene.serve();
    BOOST_TEST(scene.connect().read_line() == "-1\n");
}

BOOST_AUTO_TEST_CASE(a_fork_that_fails_costs_one_request) {
    // The limit on processes binds no privileged user, so a child becomes nobody. It is nobody's only process, and of
    // one thread.
    const int status = in_child([] {
        Forked scene;
        Client refused = scene.connect();
        Client served = scene.connect();
        served.send("hello\n");
        constexpr uid_t nobody = 65'534;
        if (::geteuid() == 0 && ::setresuid(nobody, nobody, nobody) != 0)
            return 1;
        {
            const ScopedRlimit none(RLIMIT_NPROC, 0);
            scene.server().handle_request();
        }
        if (!refused.read_all().empty() || scene.server().statistics().failed != 1)
            return 2;
        if (scene.logged("fork: Resource temporarily unavailable") != 1)
            return 3;
        scene.server().handle_request();
        if (served.read_line() != "hello\n")
            return 4;
        served.half_close();
        return 0;
    });
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(two_hundred_clients_are_answered_forty_at_a_time) {
    const SharedMemory<Crowd> crowd;
    Forked scene;
    scene.script.handle = [&](Conversation& with) {
        crowd->enter();
        with.echo();
        crowd->leave();
    };
    std::vector<Client> clients;
    for (int i = 0; i < 200; ++i) {
        clients.push_back(scene.connect());
        clients.back().send("hello\n");
    }
    scene.serve();
    BOOST_TEST(scene.script.comes_to("handle", 40));
    for (Client& client : clients) {
        client.half_close();
        BOOST_TEST_REQUIRE(client.read_all() == "hello\n");
    }
    BOOST_TEST(crowd->most == 40);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
