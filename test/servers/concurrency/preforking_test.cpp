#include "servers/serving.hpp"
#include "support/case_guard.hpp"
#include "support/eventually.hpp"
#include "support/forked.hpp"
#include "support/readable.hpp"
#include "support/rlimit.hpp"

#include <socketserver/concurrency/preforking.hpp>
#include <socketserver/concurrency/selecting.hpp>
#include <socketserver/tcp_server.hpp>
#include <socketserver/unix_server.hpp>

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace socketserver::test {

namespace {

template <class Inner>
using Preforked = Serving<TCPServer<StreamScriptHandler, Preforking<Inner>>>;

using Inners = boost::mpl::list<Blocking, Selecting>;

/// Says which process serves, then echoes. "crash" is the end of it.
void tell_process(Conversation& with) {
    with.wfile << ::getpid() << '\n';
    for (auto line = with.rfile.readline(); !line.empty(); line = with.rfile.readline()) {
        if (line == "crash\n") {
            std::signal(SIGSEGV, SIG_DFL);
            std::raise(SIGSEGV);
        }
        with.wfile << line;
    }
}

/// Whether the server comes to know of so many workers: one may have served before its parent has noted it.
template <class Scene>
bool comes_to_workers(const Scene& scene, std::size_t count, const std::set<pid_t>& without = {}) {
    return eventually([&] {
        const auto workers = scene.server().active_workers();
        std::size_t found = 0;
        for (const pid_t worker : workers)
            found += without.contains(worker) ? 0U : 1U;
        return found == count && workers.size() == count;
    });
}

/// Waits for a request, and for nothing that the library knows.
void never_obey(Conversation& with) {
    with.wfile << "here\n";
    with.wfile.flush();
    for (;;)
        ::poll(nullptr, 0, -1);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(preforking, CaseGuard)

BOOST_AUTO_TEST_CASE(a_worker_at_its_bound_leaves_connections_to_the_others) {
    Preforked<Selecting> scene({.max_connections = 8, .preforking = {.workers = 2}});
    scene.script.handle = tell_process;
    scene.serve(1h);  // nobody looks without being told
    std::vector<Client> clients;
    std::map<pid_t, int> served_by;
    for (int i = 0; i < 8; ++i) {
        clients.push_back(scene.connect());
        ++served_by[std::stoi(clients.back().read_line())];
    }
    for (const auto& [worker, count] : served_by)
        BOOST_TEST(count == 4);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_worker_that_is_killed_costs_its_requests_alone, Inner, Inners) {
    Preforked<Inner> scene({.preforking = {.workers = 2}});
    scene.script.handle = tell_process;
    scene.serve();
    Client victim = scene.connect();
    const pid_t killed = std::stoi(victim.read_line());
    // Others come until one is served elsewhere; with Blocking the next one is.
    std::vector<Client> others;
    pid_t other = killed;
    while (other == killed) {
        others.push_back(scene.connect());
        other = std::stoi(others.back().read_line());
    }
    const std::size_t lost = others.size();  // requests of the one that is killed
    BOOST_TEST(comes_to_workers(scene, 2));
    BOOST_TEST(scene.server().active_workers() == (std::set<pid_t>{killed, other}), boost::test_tools::per_element());
    ::kill(killed, SIGKILL);
    BOOST_TEST(comes_to_workers(scene, 2, {killed}));
    BOOST_TEST(victim.read_all().empty());
    others.back().send("still here\n");
    BOOST_TEST(others.back().read_line() == "still here\n");
    others.back().half_close();
    BOOST_TEST(others.back().read_all().empty());
    Client next = scene.connect();
    BOOST_TEST(std::stoi(next.read_line()) != killed);
    next.half_close();
    BOOST_TEST(next.read_all().empty());
    BOOST_TEST(
        scene.logged("worker " + std::to_string(killed) + " was killed by signal 9 (Killed); the next starts ") == 1U);
    scene.stop();
    const Statistics counted = scene.server().statistics();
    BOOST_TEST(counted.accepted == lost + 2);
    BOOST_TEST(counted.handled == 2U);
    BOOST_TEST(counted.failed == lost);
    BOOST_TEST(counted.active == 0U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_worker_that_crashes_is_replaced, Inner, Inners) {
    Preforked<Inner> scene({.preforking = {.workers = 1}});
    scene.script.handle = tell_process;
    scene.serve();
    Client client = scene.connect();
    const pid_t crashed = std::stoi(client.read_line());
    client.send("crash\n");
    BOOST_TEST(client.read_all().empty());
    BOOST_TEST(std::stoi(scene.connect().read_line()) != crashed);
    BOOST_TEST(scene.logged(" was killed by signal 11 (Segmentation fault); the next starts ") == 1U);
    BOOST_TEST(scene.server().statistics().failed == 1U);
}

BOOST_AUTO_TEST_CASE(workers_that_die_at_once_are_replaced_ever_more_slowly) {
    Preforked<Selecting> scene({.preforking = {.workers = 1}});
    scene.script.worker_started_hook = [] { std::raise(SIGKILL); };
    scene.serve();
    for (const std::string pause : {"10", "20", "40", "80"})
        BOOST_TEST(eventually([&] { return scene.logged("the next starts in " + pause + " ms") == 1; }));
    const auto begin = std::chrono::steady_clock::now();
    scene.stop();
    BOOST_TEST((std::chrono::steady_clock::now() - begin < 5s * time_factor));
    BOOST_TEST(scene.server().active_workers().empty());
}

BOOST_AUTO_TEST_CASE(a_worker_that_cannot_start_says_why) {
    Preforked<Selecting> scene({.preforking = {.workers = 1}});
    scene.script.worker_started_hook = [] { throw std::runtime_error("no database"); };
    scene.serve();
    BOOST_TEST(eventually([&] { return scene.logged(": no database") > 0; }));
    BOOST_TEST(eventually([&] { return scene.logged(" left with status 1; the next starts in 10 ms") == 1; }));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sigterm_has_a_worker_end_in_order, Inner, Inners) {
    Preforked<Inner> scene({.drain = 1h, .preforking = {.workers = 1}});
    scene.script.handle = [](Conversation& with) {
        tell_process(with);
        with.wfile << "bye\n";
    };
    scene.serve();
    Client client = scene.connect();
    const pid_t ended = std::stoi(client.read_line());
    ::kill(ended, SIGTERM);
    BOOST_TEST(client.read_all() == "bye\n");
    BOOST_TEST(std::stoi(scene.connect().read_line()) != ended);
    BOOST_TEST(scene.logged("worker " + std::to_string(ended) + " left with status 0; the next starts ") == 1U);
    BOOST_TEST(eventually([&] { return scene.server().statistics().handled == 2; }));
}

BOOST_AUTO_TEST_CASE(workers_ignore_the_interrupt_that_goes_to_the_whole_group) {
    Preforked<Blocking> scene({.preforking = {.workers = 1}});
    scene.script.handle = tell_process;
    scene.serve();
    Client client = scene.connect();
    ::kill(std::stoi(client.read_line()), SIGINT);
    client.send("after\n");
    BOOST_TEST(client.read_line() == "after\n");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_worker_that_does_not_obey_is_killed, Inner, Inners) {
    Preforked<Inner> scene({.drain = 0s, .preforking = {.workers = 2}});
    scene.script.handle = never_obey;
    scene.serve();
    Client client = scene.connect();
    BOOST_TEST(client.read_line() == "here\n");
    scene.stop();
    BOOST_TEST(client.read_all().empty());
    BOOST_TEST(scene.server().active_workers().empty());
    BOOST_TEST(scene.server().statistics().failed == 1U);
    BOOST_TEST(scene.server().statistics().active == 0U);
    BOOST_TEST(::waitpid(-1, nullptr, WNOHANG) == -1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(workers_end_with_their_parent, Inner, Inners) {
    std::array<int, 2> pipe{};
    BOOST_TEST_REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
    const pid_t parent = ::fork();
    if (parent == 0) {
        {
            Preforked<Inner> scene({.preforking = {.workers = 3}});
            scene.script.worker_started_hook = [&] { [[maybe_unused]] const auto n = ::write(pipe[1], "x", 1); };
            scene.server().serve_forever();
        }
        ::_exit(0);
    }
    ::close(pipe[1]);
    std::array<char, 3> started{};
    for (std::size_t got = 0; got < started.size();)
        got += static_cast<std::size_t>(::read(pipe[0], started.data() + got, started.size() - got));
    ::kill(parent, SIGKILL);
    BOOST_TEST(::waitpid(parent, nullptr, 0) == parent);
    // The end of the pipe: none of them is left that could write.
    BOOST_TEST(::read(pipe[0], started.data(), 1) == 0);
    ::close(pipe[0]);
}

BOOST_AUTO_TEST_CASE(an_error_in_the_parent_ends_all) {
    Preforked<Blocking> scene({.preforking = {.workers = 2}});
    const pid_t parent = ::getpid();
    scene.script.service_actions = [&] {
        if (::getpid() == parent)
            throw std::runtime_error("as told");
    };
    BOOST_CHECK_THROW(scene.server().serve_forever(1ms), std::runtime_error);
    BOOST_TEST(scene.server().active_workers().empty());
    BOOST_TEST(::waitpid(-1, nullptr, WNOHANG) == -1);
}

BOOST_AUTO_TEST_CASE(tells_when_no_worker_can_be_forked_and_goes_on) {
    // The limit on processes binds no privileged user, so a child becomes nobody. It is nobody's only process, and of
    // one thread.
    const int status = in_child([] {
        Preforked<Blocking> scene({.preforking = {.workers = 1}});
        scene.script.service_actions = [&] {
            if (scene.logged(
                    "no worker can be started: fork: Resource temporarily unavailable; the next starts in 20 ms") > 0)
                scene.server().request_shutdown();
        };
        constexpr uid_t nobody = 65'534;
        if (::geteuid() == 0 && ::setresuid(nobody, nobody, nobody) != 0)
            return 1;
        const ScopedRlimit none(RLIMIT_NPROC, 0);
        scene.server().serve_forever(1ms);
        return scene.script.workers() == 0 ? 0 : 2;
    });
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(with_listeners_of_their_own_connections_survive_the_death_of_workers, Inner, Inners) {
    Preforked<Inner> scene({.preforking = {.workers = 2, .own_listeners = true}});
    scene.serve();
    BOOST_TEST(comes_to_workers(scene, 2));
    const auto first = scene.server().active_workers();
    for (const pid_t worker : first)
        ::kill(worker, SIGSTOP);
    std::vector<Client> clients;
    for (int i = 0; i < 30; ++i) {
        clients.push_back(scene.connect());
        clients.back().send("hello\n");
    }
    for (const pid_t worker : first)
        ::kill(worker, SIGKILL);
    for (Client& client : clients) {
        client.half_close();
        BOOST_TEST_REQUIRE(client.read_all() == "hello\n");
    }
    for (const pid_t worker : first)
        BOOST_TEST(!scene.server().active_workers().contains(worker));
    scene.stop();
    scene.server().server_close();
    BOOST_TEST(scene.server().statistics().handled == 30U);
    BOOST_TEST(scene.server().statistics().failed == 0U);
}

BOOST_AUTO_TEST_CASE(listeners_of_their_own_all_get_something) {
    Preforked<Selecting> scene({.preforking = {.workers = 2, .own_listeners = true}});
    scene.script.handle = tell_process;
    scene.serve();
    std::set<pid_t> served;
    std::vector<Client> clients;
    for (int i = 0; i < 100 && served.size() < 2; ++i) {
        clients.push_back(scene.connect());
        served.insert(std::stoi(clients.back().read_line()));
    }
    BOOST_TEST(comes_to_workers(scene, 2));
    BOOST_TEST(served == scene.server().active_workers(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(listeners_of_their_own_are_for_internet_addresses_and_serve_forever) {
    using Unix = UnixStreamServer<StreamScriptHandler, Preforking<Blocking>>;
    Script script;
    const ServerOptions options{.preforking = {.workers = 2, .own_listeners = true}};
    BOOST_CHECK_THROW(Unix("@socketserver-test-own-listeners", options, script), std::invalid_argument);
    Preforked<Blocking> scene(options);
    BOOST_CHECK_THROW(scene.server().handle_request(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(too_many_workers_are_refused) {
    using Server = TCPServer<StreamScriptHandler, Preforking<Blocking>>;
    Script script;
    const ServerOptions options{.preforking = {.workers = ServerOptions::Preforking::most_workers + 1}};
    BOOST_CHECK_THROW(Server(Address("127.0.0.1", 0), options, script), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
