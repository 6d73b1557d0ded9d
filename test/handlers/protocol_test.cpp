#include "recording.hpp"
#include "support/case_guard.hpp"
#include "support/clients.hpp"
#include "support/eventually.hpp"
#include "support/served.hpp"
#include "support/signals_in_children.hpp"

#include <socketserver/aliases.hpp>
#include <socketserver/protocol.hpp>
#include <socketserver/protocol_factory.hpp>

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

// The same protocol under every concurrency: which callbacks come, in which order, and what they may do.

namespace socketserver::test {

namespace {

using namespace std::chrono_literals;

// Records its callbacks, and sends back what comes; what comes may be a command.
class Recorder : public Protocol {
public:
    Recorder(Socket& the_request, const Address& client, ServerContext& the_server, Recording& recording)
        : Protocol(the_request, client, the_server), recording_(recording) {}

    void connection_made() override {
        receive_directly(SIGTERM);
        recording_.add("made");
    }

    void data_received(std::string_view data) override {
        recording_.add(data);
        transport << "got " << data << '\n';
        if (data == "lose")
            transport.lose_connection();
        else if (data == "abort")
            transport.abort();
        else if (data == "throw")
            throw std::runtime_error("as asked");
        else if (data == "exit")
            throw SystemExit{};
        else if (data == "wait")
            sleep_for(1h);
        else if (data == "ask")
            transport << "heard " << request.recv(100) << '\n';
        transport << "done\n";
    }

    void eof_received() override {
        recording_.add("eof");
        transport << "bye\n";
    }

    void connection_lost(const error_code& reason) override {
        recording_.add("lost(" + name_of(reason) + ")");
        transport << "goes nowhere\n";
    }

protected:
    Recording& recording_;
};

static_assert(EventHandler<Recorder>);

class Greetings : public ProtocolFactory {
public:
    const std::string greeting = "hello";
};

class Counter : public WithFactory<Protocol, Greetings> {
public:
    using WithFactory::WithFactory;

    void connection_made() override { receive_directly(SIGTERM); }
    void data_received(std::string_view) override {
        transport << factory.greeting << ' ' << factory.connections() << '\n';
    }
    void connection_lost(const error_code&) override {
        if (factory.connections() > 1)
            throw std::runtime_error("counted although lost");
    }
};

using EveryConcurrency = boost::mpl::list<Blocking, Forking, Threading, Selecting>;
using ConcurrenciesThatServeSeveral = boost::mpl::list<Forking, Threading, Selecting>;
using ConcurrenciesInOneProcess = boost::mpl::list<Blocking, Threading, Selecting>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(protocol, CaseGuard)

BOOST_AUTO_TEST_CASE_TEMPLATE(calls_back_from_connection_made_to_connection_lost, Concurrency, EveryConcurrency) {
    Recording recording;
    Served<Recorder, Concurrency> serving(silent(), recording);
    Client client = serving.connect();
    for (const std::string word : {"one", "two"}) {
        client.send(word);
        BOOST_TEST(client.read_line() == "got " + word + '\n');
        BOOST_TEST(client.read_line() == "done\n");
    }
    client.half_close();
    BOOST_TEST(client.read_all() == "bye\n");
    serving.stop();
    BOOST_TEST(recording.text() == "made one two eof lost() ");
    BOOST_TEST(serving.statistics().handled == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sends_what_was_written_before_it_loses_the_connection, Concurrency, EveryConcurrency) {
    Recording recording;
    Served<Recorder, Concurrency> serving(silent(), recording);
    Client client = serving.connect();
    client.send("lose");
    BOOST_TEST(client.read_all() == "got lose\n");  // and nothing of what is written after it
    serving.stop();
    BOOST_TEST(recording.text() == "made lose lost() ");
    BOOST_TEST(serving.statistics().handled == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(may_lose_its_connection_before_any_input, Concurrency, EveryConcurrency) {
    class Greeter : public Recorder {
    public:
        using Recorder::Recorder;
        void connection_made() override {
            Recorder::connection_made();
            transport << "hello\n";
            transport.lose_connection();
        }
    };
    Recording recording;
    Served<Greeter, Concurrency> serving(silent(), recording);
    BOOST_TEST(serving.connect().read_all() == "hello\n");
    serving.stop();
    BOOST_TEST(recording.text() == "made lost() ");
    BOOST_TEST(serving.statistics().handled == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(resets_the_connection_that_it_aborts, Concurrency, EveryConcurrency) {
    Recording recording;
    Served<Recorder, Concurrency> serving(silent(), recording);
    Client client = serving.connect();
    client.send("abort");
    BOOST_TEST(client.ends_by_reset());
    serving.stop();
    BOOST_TEST(recording.text() == "made abort lost(ECONNABORTED) ");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(loses_its_connection_when_a_callback_throws, Concurrency, EveryConcurrency) {
    Recording recording;
    Served<Recorder, Concurrency> serving(silent(), recording);
    Client client = serving.connect();
    client.send("throw");
    BOOST_TEST(client.read_all() == "got throw\n");
    // The server goes on.
    Client other = serving.connect();
    other.send("lose");
    BOOST_TEST(other.read_all() == "got lose\n");
    serving.stop();
    BOOST_TEST(recording.text() == "made throw lost(ECONNABORTED) made lose lost() ");
    BOOST_TEST(serving.statistics().failed == 1U);
    BOOST_TEST(serving.statistics().handled == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(is_told_once_that_the_connection_is_lost_when_connection_made_throws, Concurrency,
                              EveryConcurrency) {
    class Refuser : public Recorder {
    public:
        using Recorder::Recorder;
        void connection_made() override {
            Recorder::connection_made();
            throw_errno(EMSGSIZE, "as asked");
        }
    };
    Recording recording;
    Served<Refuser, Concurrency> serving(silent(), recording);
    BOOST_TEST(serving.connect().read_all() == "");
    serving.stop();
    BOOST_TEST(recording.text() == "made lost(EMSGSIZE) ");
    BOOST_TEST(serving.statistics().failed == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(is_told_once_that_the_connection_is_lost_when_that_throws, Concurrency,
                              EveryConcurrency) {
    class Thrower : public Recorder {
    public:
        using Recorder::Recorder;
        void connection_lost(const error_code& reason) override {
            Recorder::connection_lost(reason);
            throw std::runtime_error("as asked");
        }
    };
    Recording recording;
    Served<Thrower, Concurrency> serving(silent(), recording);
    for (const std::string word : {"lose", "throw"}) {
        Client client = serving.connect();
        client.send(word);
        BOOST_TEST(client.read_all() == "got " + word + '\n');
    }
    serving.stop();
    BOOST_TEST(recording.text() == "made lose lost() made throw lost(ECONNABORTED) ");
    BOOST_TEST(serving.statistics().failed == 2U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(loses_a_connection_that_is_silent_for_too_long, Concurrency, EveryConcurrency) {
    class Impatient : public Recorder {
    public:
        Impatient(Socket& the_request, const Address& client, ServerContext& the_server, Recording& recording)
            : Recorder(the_request, client, the_server, recording) {
            timeout = 20ms;
        }
    };
    Recording recording;
    Served<Impatient, Concurrency> serving(silent(), recording);
    Client silent = serving.connect();
    BOOST_TEST(silent.read_all() == "");
    serving.stop();
    BOOST_TEST(recording.text() == "made lost(ETIMEDOUT) ");
    BOOST_TEST(serving.statistics().failed == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(takes_its_time_out_from_the_server, Concurrency, EveryConcurrency) {
    Recording recording;
    ServerOptions options;
    options.connection.timeout = 20ms;
    Served<Recorder, Concurrency> serving(silent(options), recording);
    Client silent = serving.connect();
    BOOST_TEST(silent.read_all() == "");
    serving.stop();
    BOOST_TEST(recording.text() == "made lost(ETIMEDOUT) ");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(is_told_that_the_peer_has_reset_the_connection, Concurrency, ConcurrenciesInOneProcess) {
    // A child would hold the client's end, too, and keep it open.
    Recording recording;
    Served<Recorder, Concurrency> serving(silent(), recording);
    Client client = serving.connect();
    client.send("one");
    BOOST_TEST(client.read_line() == "got one\n");
    BOOST_TEST(client.read_line() == "done\n");
    client.reset();
    BOOST_TEST(eventually([&] { return serving.statistics().failed == 1; }));
    serving.stop();
    BOOST_TEST(recording.text() == "made one lost(ECONNRESET) ");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(loses_its_connection_at_once_when_the_server_stops, Concurrency, EveryConcurrency) {
    Recording recording;
    Served<Recorder, Concurrency> serving(silent(), recording);
    Client client = serving.connect();
    client.send("one");
    BOOST_TEST(client.read_line() == "got one\n");
    BOOST_TEST(client.read_line() == "done\n");
    serving.stop();  // one that had to wait for the drain deadline would be cut, and fail
    BOOST_TEST(client.read_all() == "");
    BOOST_TEST(recording.text() == "made one lost() ");
    BOOST_TEST(serving.statistics().handled == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(is_told_that_the_server_has_cut_the_connection, Concurrency, ConcurrenciesInOneProcess) {
    Recording recording;
    ServerOptions options;
    options.drain = 0s;
    Served<Recorder, Concurrency> serving(silent(options), recording);
    Client client = serving.connect();
    client.send("wait");
    BOOST_TEST(client.read_line() == "got wait\n");  // leaves before it waits
    serving.stop();
    // How it sees that depends on what it was about to do.
    BOOST_TEST(recording.text().starts_with("made wait lost("));
    BOOST_TEST(recording.text().find("lost", recording.text().find("lost") + 1) == std::string::npos);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(is_told_that_the_connection_is_lost_when_it_ends_the_server, Concurrency,
                              EveryConcurrency) {
    Recording recording;
    Served<Recorder, Concurrency> serving(silent(), recording);
    Client client = serving.connect();
    client.send("exit");
    BOOST_TEST(client.read_all() == "got exit\n");
    serving.stop();
    BOOST_TEST(recording.text() == "made exit lost(ECONNABORTED) ");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sends_what_was_written_before_a_callback_waits, Concurrency, EveryConcurrency) {
    Recording recording;
    Served<Recorder, Concurrency> serving(silent(), recording);
    Client client = serving.connect();
    client.send("ask");
    BOOST_TEST(client.read_line() == "got ask\n");
    client.send("answer");
    BOOST_TEST(client.read_line() == "heard answer\n");
    BOOST_TEST(client.read_line() == "done\n");
    client.half_close();
    BOOST_TEST(client.read_all() == "bye\n");
    serving.stop();
    BOOST_TEST(recording.text() == "made ask eof lost() ");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sends_much_to_a_peer_that_takes_it_slowly, Concurrency, EveryConcurrency) {
    class Generous : public Protocol {
    public:
        using Protocol::Protocol;
        void connection_made() override {
            for (int i = 0; i < 2'000; ++i)
                transport.write(std::string(1'000, 'x'));
            transport.lose_connection();
        }
    };
    Served<Generous, Concurrency> serving(silent());
    BOOST_TEST(serving.connect().read_all() == std::string(2'000'000, 'x'));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(shares_a_factory_that_counts_connections, Concurrency, ConcurrenciesThatServeSeveral) {
    Greetings factory;
    Served<Counter, Concurrency> serving(silent(), factory);
    Client first = serving.connect();
    Client second = serving.connect();
    for (Client* const client : {&first, &second}) {
        client->send("?");
        BOOST_TEST(client->read_line().starts_with("hello "));
    }
    first.send("?");
    BOOST_TEST(first.read_line() == "hello 2\n");
    BOOST_TEST(factory.connections() == 2U);
    second.half_close();
    BOOST_TEST(second.read_all() == "");
    BOOST_TEST(factory.connections() == 1U);  // it is told before its peer
    first.send("?");
    BOOST_TEST(first.read_line() == "hello 1\n");
    serving.stop();
    BOOST_TEST(factory.connections() == 0U);
    BOOST_TEST(factory.total_connections() == 2U);
    BOOST_TEST(serving.statistics().failed == 0U);
}

BOOST_AUTO_TEST_CASE(writes_to_no_connection_but_its_own) {
    class Shared : public ProtocolFactory {
    public:
        Transport* first = nullptr;
    };
    class Meddler : public WithFactory<Protocol, Shared> {
    public:
        using WithFactory::WithFactory;
        void data_received(std::string_view) override {
            if (factory.first == nullptr)
                factory.first = &transport;
            else
                factory.first->write("x");
            transport << "done\n";
        }
    };
    Shared factory;
    Served<Meddler, Selecting> serving(silent(), factory);
    Client first = serving.connect();
    first.send("?");
    BOOST_TEST(first.read_line() == "done\n");
    Client second = serving.connect();
    second.send("?");
    BOOST_TEST(second.read_all() == "");
    first.half_close();
    BOOST_TEST(first.read_all() == "");
    serving.stop();
    BOOST_TEST(serving.statistics().failed == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
