#include <socketserver/socketserver.hpp>

#include <support/case_guard.hpp>
#include <support/clients.hpp>
#include <support/eventually.hpp>
#include <support/served.hpp>

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <signal.h>

// Handlers that hold up their thread under Selecting, and what the log says of them.

namespace socketserver {

namespace {

using namespace std::chrono_literals;
using test::CaseGuard;
using test::Client;
using test::eventually;

constexpr std::string_view complaint = ": holds up all others of its thread for more than 1 ms";

// What has been logged. Each worker of a preforking server has its own.
class Log {
public:
    Logger logger() {
        return [this](Severity, std::string_view message) {
            const std::lock_guard lock(mutex_);
            lines_.emplace_back(message);
        };
    }

    std::vector<std::string> lines() const {
        const std::lock_guard lock(mutex_);
        return lines_;
    }

    // How often a client was told of.
    std::size_t complaints_of(const std::string& client) const {
        const auto all = lines();
        const std::string wanted = "request from " + client + std::string(complaint);
        return static_cast<std::size_t>(
            std::count_if(all.begin(), all.end(), [&](const std::string& line) { return line.starts_with(wanted); }));
    }

    // Whether a line says so much.
    bool says(std::string_view text) const {
        const auto all = lines();
        return std::any_of(all.begin(), all.end(),
                           [&](const std::string& line) { return line.find(text) != std::string::npos; });
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;  // guarded by mutex_
};

// What handlers share with the test.
struct Shared {
    Log log;
    std::atomic<int> handlers{0};          // that have come
    std::atomic<int> handlers_at_once{1};  // that are to come before one goes on
    std::atomic<bool> computing{true};     // else they wait in the kernel

    // Holds up the thread until the log has told of that. Returns what it says to the client.
    std::string hold_up(const std::string& client) {
        ++handlers;
        const std::size_t before = log.complaints_of(client);
        const auto told = [&] { return handlers >= handlers_at_once && log.complaints_of(client) > before; };
        bool seen = false;
        if (computing) {
            const auto deadline = Deadline::after(10s * test::time_factor);
            while (!(seen = told()) && !deadline.expired()) {
            }
        } else {
            seen = eventually(told);
        }
        return std::to_string(log.complaints_of(client) - before) + (seen ? " told\n" : " not told\n");
    }
};

class Stalling : public StreamRequestHandler {
public:
    Stalling(Socket& the_request, const Address& client, ServerContext& the_server, Shared& shared)
        : StreamRequestHandler(the_request, client, the_server), shared_(shared) {}

    void handle() override {
        while (const auto line = rfile.read_line())
            wfile << (*line == "hold up" ? shared_.hold_up(client_address.to_string()) : "something\n");
    }

private:
    Shared& shared_;
};

class StallingEvents : public BaseRequestHandler<Socket> {
public:
    StallingEvents(Socket& the_request, const Address& client, ServerContext& the_server, Shared& shared)
        : BaseRequestHandler(the_request, client, the_server), shared_(shared) {}

    bool input_ready() {
        if (request.recv(100).empty())
            return false;
        request.sendall(shared_.hold_up(client_address.to_string()));
        return true;
    }

private:
    Shared& shared_;
};

template <class Server>
class Serving {
public:
    explicit Serving(ServerOptions::Selecting options = {.stall_limit = 1ms})
        : running(make(options, shared.log), shared) {}

    Client client() const { return running.connect(); }

    Shared shared;
    test::Running<Server> running;

private:
    static ServerOptions make(ServerOptions::Selecting selecting, Log& log) {
        ServerOptions options;
        options.selecting = selecting;
        options.preforking.workers = 1;
        options.logger = log.logger();
        return options;
    }
};

using Streams = TCPServer<Stalling, Selecting>;
using Servers = boost::mpl::list<Streams, TCPServer<StallingEvents, Selecting>
#if !defined(__SANITIZE_THREAD__)  // which is not for children of a process with threads
                                 ,
                                 TCPServer<Stalling, Preforking<Selecting>>
#endif
                                 >;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(selecting_stall, CaseGuard)

BOOST_AUTO_TEST_CASE_TEMPLATE(each_time_that_a_handler_holds_up_its_thread_it_is_told_of_with_its_peer, Server,
                              Servers) {
    Serving<Server> serving;
    std::vector<Client> clients;
    for (int i = 0; i < 3; ++i)
        clients.push_back(serving.client());
    for (Client& client : clients) {
        for (int i = 0; i < 2; ++i) {
            client.send("hold up\n");
            BOOST_TEST(client.read_line() == "1 told\n");
        }
    }
    // The machine may have made others slow, too.
    BOOST_TEST(serving.running.statistics().stalled >= 6U);
}

BOOST_AUTO_TEST_CASE(the_log_says_where_a_handler_computes) {
    Serving<Streams> serving;
    Client client = serving.client();
    // A thread that was just not computing when it was looked at has no stack to tell.
    BOOST_TEST(eventually([&] {
        client.send("hold up\n");
        return client.read_line() == "1 told\n" && serving.shared.log.says(". It is at:") &&
               serving.shared.log.says(std::string("    ") + program_invocation_name);
    }));
}

BOOST_AUTO_TEST_CASE(the_log_says_what_a_handler_waits_in) {
    Serving<Streams> serving;
    serving.shared.computing = false;
    Client client = serving.client();
    BOOST_TEST(eventually([&] {
        client.send("hold up\n");
        return client.read_line() == "1 told\n" &&
               serving.shared.log.says(std::string(complaint) + ", waiting in clock_nanosleep(2); ");
    }));
}

BOOST_AUTO_TEST_CASE(all_threads_are_watched) {
    Serving<Streams> serving({.threads = 3, .stall_limit = 1ms});
    serving.shared.handlers_at_once = 3;  // so each is in another thread
    std::vector<Client> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(serving.client());
        clients.back().send("hold up\n");
        BOOST_TEST(eventually([&] { return serving.shared.handlers == i + 1; }));
    }
    for (Client& client : clients)
        BOOST_TEST(client.read_line() == "1 told\n");
}

BOOST_AUTO_TEST_CASE(without_a_limit_there_is_no_watchdog) {
    const std::size_t before = CaseGuard::Holdings::now().threads.size();
    for (const std::chrono::nanoseconds limit : {std::chrono::nanoseconds{0h}, std::chrono::nanoseconds{1h}}) {
        const Serving<Streams> serving({.stall_limit = limit});
        Client client = serving.client();
        client.send("say something\n");
        BOOST_TEST(client.read_line() == "something\n");
        // The one that serves, and the watchdog.
        const std::size_t own = limit == 0ns ? 1 : 2;
        // One that has ended may stay in /proc for a moment.
        BOOST_TEST(eventually([&] { return CaseGuard::Holdings::now().threads.size() == before + own; }));
    }
}

BOOST_AUTO_TEST_CASE(a_program_that_handles_the_signal_itself_is_told_of_the_peer_all_the_same) {
    struct sigaction own {};
    struct sigaction former {};
    own.sa_handler = [](int) {};
    ::sigaction(SIGURG, &own, &former);
    {
        Serving<Streams> serving;
        Client client = serving.client();
        client.send("hold up\n");
        BOOST_TEST(client.read_line() == "1 told\n");
        BOOST_TEST(!serving.shared.log.says(". It is at:"));
        struct sigaction now {};
        ::sigaction(SIGURG, nullptr, &now);
        BOOST_TEST((now.sa_handler == own.sa_handler));
    }
    ::sigaction(SIGURG, &former, nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver
