// The examples that the servers' documentation quotes, run as tests: each serves until its handler has answered once.

#include "support/case_guard.hpp"
#include "support/clients.hpp"
#include "support/temporary_directory.hpp"

#include <socketserver/socketserver.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <filesystem>
#include <future>
#include <string>

namespace ss = socketserver;

using ss::test::CaseGuard;
using ss::test::Client;
using ss::test::DatagramClient;
using ss::test::TemporaryDirectory;

namespace {

/// Runs an example in a thread of its own.
template <class Example>
std::future<void> run(Example example) {
    return std::async(std::launch::async, example);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(servers_snippets, CaseGuard)

BOOST_AUTO_TEST_CASE(tcp_server) {
    std::promise<std::uint16_t> port;
    const auto tell_port = [&port](const ss::Address& address) { port.set_value(address.port()); };
    const auto example = run([&] {
        //! [tcp_server]
        class Greeter : public ss::StreamRequestHandler {
        public:
            using StreamRequestHandler::StreamRequestHandler;
            void handle() override {
                while (const auto name = rfile.read_line())
                    wfile << "hello, " << *name << '\n';
                server.request_shutdown();
            }
        };
        ss::TCPServer<Greeter, ss::Threading> server({"127.0.0.1", 0});  // port 0: the system chooses one
        tell_port(server.server_address());
        server.serve_forever();
        //! [tcp_server]
    });
    Client client("127.0.0.1", port.get_future().get());
    client.send("world\n");
    client.half_close();
    BOOST_TEST(client.read_all() == "hello, world\n");
}

BOOST_AUTO_TEST_CASE(udp_server) {
    std::promise<std::uint16_t> port;
    const auto tell_port = [&port](const ss::Address& address) { port.set_value(address.port()); };
    const auto example = run([&] {
        //! [udp_server]
        class Counter : public ss::DatagramRequestHandler {
        public:
            using DatagramRequestHandler::DatagramRequestHandler;
            void handle() override {
                wfile << request.data().size() << " bytes\n";  // leaves as one datagram
                server.request_shutdown();
            }
        };
        ss::UDPServer<Counter> server({"127.0.0.1", 0});
        tell_port(server.server_address());
        server.serve_forever();
        //! [udp_server]
    });
    DatagramClient client("127.0.0.1", port.get_future().get());
    client.send("hello");
    BOOST_TEST(client.receive() == "5 bytes\n");
}

BOOST_AUTO_TEST_CASE(unix_stream_server) {
    const TemporaryDirectory directory;
    std::promise<std::filesystem::path> bound;
    const auto tell_path = [&bound](const ss::Address& address) { bound.set_value(address.path()); };
    const auto example = run([&] {
        //! [unix_stream_server]
        class Adder : public ss::StreamRequestHandler {
        public:
            using StreamRequestHandler::StreamRequestHandler;
            void handle() override {
                int sum = 0;
                while (const auto number = rfile.read_line())
                    sum += std::stoi(std::string(*number));
                wfile << sum << '\n';
                server.request_shutdown();
            }
        };
        ss::UnixStreamServer<Adder, ss::Threading> server(directory / "adder");
        tell_path(server.server_address());
        server.serve_forever();
        //! [unix_stream_server]
    });
    Client client(bound.get_future().get());
    client.send("1\n2\n3\n");
    client.half_close();
    BOOST_TEST(client.read_all() == "6\n");
}

BOOST_AUTO_TEST_CASE(unix_datagram_server) {
    const TemporaryDirectory directory;
    std::promise<std::filesystem::path> bound;
    std::string collected;
    const auto tell_path = [&bound](const ss::Address& address) { bound.set_value(address.path()); };
    const auto example = run([&] {
        //! [unix_datagram_server]
        class Collector : public ss::DatagramRequestHandler {
        public:
            Collector(ss::Datagram& datagram, const ss::Address& client, ss::ServerContext& context, std::string& all)
                : DatagramRequestHandler(datagram, client, context), all_(all) {}
            void handle() override {
                all_ += request.data();
                wfile << "noted";
                server.request_shutdown();
            }

        private:
            std::string& all_;
        };
        // Further arguments reach each handler: under Threading, which has several at once, they would have to lock.
        ss::UnixDatagramServer<Collector> server(directory / "collector", {}, collected);
        tell_path(server.server_address());
        server.serve_forever();
        //! [unix_datagram_server]
    });
    DatagramClient client(bound.get_future().get());
    client.send("a note");
    BOOST_TEST(client.receive() == "noted");
    example.wait();
    BOOST_TEST(collected == "a note");
}

BOOST_AUTO_TEST_SUITE_END()
