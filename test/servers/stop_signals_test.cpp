#include "support/forked.hpp"

#include <socketserver/handlers/echo_handler.hpp>
#include <socketserver/os/signals.hpp>
#include <socketserver/socketserver.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <csignal>
#include <optional>
#include <thread>

namespace socketserver::test {

namespace {

using Server = TCPServer<EchoHandler, Threading>;
const Address anywhere{"127.0.0.1", 0};
const ServerOptions with_signals{.stop_signals = true};

std::atomic<int> own_handler_calls{0};

void own_handler(int) {
    ++own_handler_calls;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(stop_signals)

BOOST_AUTO_TEST_CASE(a_signal_before_it_serves_ends_it_at_once) {
    Server server(anywhere, with_signals);
    ::raise(SIGTERM);
    server.serve_forever();
    BOOST_TEST(server.statistics().accepted == 0U);
}

BOOST_AUTO_TEST_CASE(a_signal_ends_all_servers_that_want_it) {
    Server one(anywhere, with_signals);
    Server other(anywhere, with_signals);
    std::thread first([&one] { one.serve_forever(); });
    std::thread second([&other] { other.serve_forever(); });
    ::kill(::getpid(), SIGINT);
    first.join();
    second.join();
}

BOOST_AUTO_TEST_CASE(it_can_serve_again_and_be_ended_again) {
    Server server(anywhere, with_signals);
    for (int i = 0; i < 3; ++i) {
        std::thread serving([&server] { server.serve_forever(); });
        ::kill(::getpid(), SIGTERM);
        serving.join();
    }
}

BOOST_AUTO_TEST_CASE(what_the_program_did_with_signals_is_back_when_no_server_wants_them) {
    const auto former = std::signal(SIGTERM, own_handler);
    std::optional<Server> one(std::in_place, anywhere, with_signals);
    std::optional<Server> other(std::in_place, anywhere, with_signals);
    one.reset();
    ::raise(SIGTERM);
    BOOST_TEST(own_handler_calls == 0);
    BOOST_TEST(other->stopping());
    other.reset();
    ::raise(SIGTERM);
    BOOST_TEST(own_handler_calls == 1);
    std::signal(SIGTERM, former);
}

BOOST_AUTO_TEST_CASE(a_signal_that_is_ignored_stays_so) {
    const auto former = std::signal(SIGINT, SIG_IGN);
    {
        Server server(anywhere, with_signals);
        BOOST_TEST(is_ignored(SIGINT));
        ::raise(SIGINT);
        BOOST_TEST(!server.stopping());
    }
    BOOST_TEST(is_ignored(SIGINT));
    std::signal(SIGINT, former);
}

BOOST_AUTO_TEST_CASE(servers_leave_signals_alone_unless_told_otherwise) {
    const int status = in_child([] {
        std::signal(SIGTERM, SIG_DFL);
        Server server(anywhere);
        ::raise(SIGTERM);
        return 0;
    });
    BOOST_TEST(status == -SIGTERM);
}

BOOST_AUTO_TEST_CASE(a_signal_to_a_child_that_a_handler_has_forked_is_not_for_the_server) {
    Server server(anywhere, with_signals);
    BOOST_TEST(in_child([] {
                   ::raise(SIGTERM);
                   return 0;
               }) == -SIGTERM);
    BOOST_TEST(!server.stopping());
}

BOOST_AUTO_TEST_CASE(signals_that_come_when_it_has_closed_have_no_effect) {
    Server server(anywhere, with_signals);
    server.server_close();
    ::raise(SIGTERM);
    ::raise(SIGTERM);
    BOOST_TEST(server.fileno() == -1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
