#include <socketserver/base_request_handler.hpp>
#include <socketserver/net/buffered_reader.hpp>
#include <socketserver/net/buffered_writer.hpp>
#include <socketserver/os/shared_memory.hpp>
#include <socketserver/socketserver.hpp>

#include <support/case_guard.hpp>
#include <support/clients.hpp>
#include <support/eventually.hpp>
#include <support/served.hpp>
#include <support/signals_in_children.hpp>

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

// Event-style handlers: the same one under every concurrency.

namespace socketserver {

namespace {

using namespace std::chrono_literals;
using test::CaseGuard;
using test::Client;
using test::eventually;
using test::Served;
using test::silent;

// What happened, over all children.
struct Counts {
    std::atomic<int> set_up{0};
    std::atomic<int> called{0};
    std::atomic<int> finished{0};
};

// Sends back what comes, as it comes.
class EchoEvents : public BaseRequestHandler<Socket> {
public:
    EchoEvents(Socket& the_request, const Address& client, ServerContext& the_server, Counts& counts)
        : BaseRequestHandler(the_request, client, the_server), counts_(counts) {}

    void setup() override {
        test::receive_directly(SIGTERM);
        ++counts_.set_up;
    }

    bool input_ready() {
        ++counts_.called;
        const std::string data = request.recv(4096);
        if (data == "throw")
            throw std::runtime_error("as asked");
        if (data == "sleep")
            sleep_for(1ms);
        if (data == "rest")
            sleep_for(1h);
        if (data == "exit")
            throw SystemExit{};
        request.sendall(data);
        return !data.empty() && data != "bye";
    }

    void finish() override { ++counts_.finished; }

private:
    Counts& counts_;
};

static_assert(EventHandler<EchoEvents> && RequestHandler<EchoEvents>);
static_assert(!EventHandler<StreamRequestHandler>);

using EveryConcurrency = boost::mpl::list<Blocking, Forking, Threading, Selecting>;
// A child that is forked here has the client's end, too, which is not reset then.
using InOneProcess = boost::mpl::list<Blocking, Threading, Selecting>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(event_handler, CaseGuard)

BOOST_AUTO_TEST_CASE_TEMPLATE(is_called_for_each_input_until_the_client_ends, Concurrency, EveryConcurrency) {
    const SharedMemory<Counts> counts;
    Served<EchoEvents, Concurrency> serving(silent(), *counts);
    Client client = serving.connect();
    for (const std::string word : {"one", "two", "three"}) {
        client.send(word);
        BOOST_TEST(client.read_exactly(word.size()) == word);
    }
    client.half_close();
    BOOST_TEST(client.read_all().empty());
    serving.stop();
    BOOST_TEST(counts->set_up == 1);
    BOOST_TEST(counts->called >= 4);
    BOOST_TEST(counts->finished == 1);
    BOOST_TEST(serving.statistics().handled == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(ends_the_connection_when_it_has_had_enough, Concurrency, EveryConcurrency) {
    const SharedMemory<Counts> counts;
    Served<EchoEvents, Concurrency> serving(silent(), *counts);
    Client client = serving.connect();
    client.send("bye");
    BOOST_TEST(client.read_all() == "bye");
    BOOST_TEST(eventually([&] { return counts->finished == 1; }));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(is_finished_and_its_connection_closed_when_it_throws, Concurrency, EveryConcurrency) {
    const SharedMemory<Counts> counts;
    Served<EchoEvents, Concurrency> serving(silent(), *counts);
    Client client = serving.connect();
    client.send("throw");
    BOOST_TEST(client.read_all().empty());
    BOOST_TEST(eventually([&] { return serving.statistics().failed == 1; }));
    BOOST_TEST(counts->finished == 1);
    // The server goes on.
    Client other = serving.connect();
    other.send("bye");
    BOOST_TEST(other.read_all() == "bye");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(may_wait_like_any_handler, Concurrency, EveryConcurrency) {
    const SharedMemory<Counts> counts;
    Served<EchoEvents, Concurrency> serving(silent(), *counts);
    Client client = serving.connect();
    client.send("sleep");
    BOOST_TEST(client.read_exactly(5) == "sleep");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(is_cut_while_it_waits_if_its_peer_has_left, Concurrency, InOneProcess) {
    const SharedMemory<Counts> counts;
    Served<EchoEvents, Concurrency> serving(silent({.cut_abandoned = true}), *counts);
    Client client = serving.connect();
    client.send("one");
    BOOST_TEST(client.read_exactly(3) == "one");
    client.send("rest");
    BOOST_TEST(eventually([&] { return counts->called == 2; }));
    client.reset();
    BOOST_TEST(eventually([&] { return counts->finished == 1; }));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(is_cut_while_it_is_set_up_if_its_peer_has_left, Concurrency, InOneProcess) {
    class Slow : public EchoEvents {
    public:
        using EchoEvents::EchoEvents;
        void setup() override {
            EchoEvents::setup();
            sleep_for(1h);
        }
    };
    const SharedMemory<Counts> counts;
    Served<Slow, Concurrency> serving(silent({.cut_abandoned = true}), *counts);
    Client client = serving.connect();
    BOOST_TEST(eventually([&] { return counts->set_up == 1; }));
    client.reset();
    BOOST_TEST(eventually([&] { return serving.statistics().accepted == 1 && serving.statistics().active == 0; }));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_peer_that_leaves_while_nothing_waits_harms_nobody, Concurrency, InOneProcess) {
    const SharedMemory<Counts> counts;
    Served<EchoEvents, Concurrency> serving(silent({.cut_abandoned = true}), *counts);
    for (int i = 0; i < 3; ++i) {
        Client client = serving.connect();
        client.send("sleep");  // from then on it is looked after
        BOOST_TEST(client.read_exactly(5) == "sleep");
        client.reset();
        BOOST_TEST(eventually([&] { return counts->finished == i + 1; }));
    }
    Client client = serving.connect();
    client.send("sleep");
    BOOST_TEST(client.read_exactly(5) == "sleep");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(is_ended_by_the_time_out_of_its_connection, Concurrency, EveryConcurrency) {
    class Impatient : public EchoEvents {
    public:
        using EchoEvents::EchoEvents;
        void setup() override {
            EchoEvents::setup();
            request.settimeout(20ms);
        }
    };
    const SharedMemory<Counts> counts;
    Served<Impatient, Concurrency> serving(silent(), *counts);
    Client client = serving.connect();
    BOOST_TEST(client.read_all().empty());
    BOOST_TEST(eventually([&] { return serving.statistics().failed == 1; }));
    serving.stop();
    BOOST_TEST(counts->called == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sees_the_end_at_once_when_the_server_stops, Concurrency, EveryConcurrency) {
    const SharedMemory<Counts> counts;
    Served<EchoEvents, Concurrency> serving(silent(), *counts);
    Client client = serving.connect();
    client.send("word");
    BOOST_TEST(client.read_exactly(4) == "word");
    serving.stop();  // a case that had to wait for the drain deadline would be cut, and fail
    BOOST_TEST(client.read_all().empty());
    BOOST_TEST(serving.statistics().failed == 0U);
    BOOST_TEST(counts->finished == 1);
}

BOOST_AUTO_TEST_CASE(system_exit_comes_out_of_serve_forever) {
    const SharedMemory<Counts> counts;
    Served<EchoEvents, Selecting> serving(silent(), *counts);
    Client idle = serving.connect();
    idle.send("word");
    BOOST_TEST(idle.read_exactly(4) == "word");
    Client client = serving.connect();
    client.send("exit");
    BOOST_TEST(client.read_all().empty());
    BOOST_TEST(idle.read_all().empty());
    BOOST_CHECK_THROW(std::rethrow_exception(serving.thread.join()), SystemExit);
}

BOOST_AUTO_TEST_CASE(many_are_idle_at_once_and_all_are_served_again) {
    const SharedMemory<Counts> counts;
    Served<EchoEvents, Selecting> serving(silent(), *counts);
    constexpr int count = 200;
    std::vector<Client> clients;
    for (int i = 0; i < count; ++i)
        clients.push_back(serving.connect());
    for (int round = 0; round < 3; ++round) {
        for (Client& client : clients)
            client.send("word");
        for (Client& client : clients)
            BOOST_TEST(client.read_exactly(4) == "word");
    }
    BOOST_TEST(serving.statistics().active == static_cast<std::uint64_t>(count));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver
