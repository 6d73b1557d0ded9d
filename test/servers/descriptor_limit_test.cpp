#include "contract/observed.hpp"
#include "serving.hpp"
#include "support/case_guard.hpp"
#include "support/rlimit.hpp"

#include <socketserver/aliases.hpp>

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <string>

// A limit on connections for which there are not enough descriptors.

namespace socketserver::test {

namespace {

using SeveralAtOnce = boost::mpl::list<Forking, Selecting, Threading>;

ServerOptions up_to(std::size_t connections) {
    return {.max_connections = connections,
            .forking = {.max_children = connections},
            .threading = {.max_threads = connections}};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(descriptor_limits, CaseGuard)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_limit_that_cannot_be_met_is_told_of_once, Concurrency, SeveralAtOnce) {
    Serving<TCPServer<StreamScriptHandler, Concurrency>> serving(up_to(199));
    const ScopedRlimit few(RLIMIT_NOFILE, 200);
    for (int i = 0; i < 2; ++i) {
        serving.serve();
        Client client = serving.connect();
        client.send("line\n");
        BOOST_TEST(client.read_line() == "line\n");
        client.close();
        serving.stop();
    }
    BOOST_TEST(serving.logged("max_connections allows for 199 connections in a process, but RLIMIT_NOFILE for 200 "
                              "descriptors, of which ") == 1U);
    BOOST_TEST(serving.logged("ulimit -n") == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(one_that_can_be_met_is_not, Concurrency, SeveralAtOnce) {
    Serving<TCPServer<StreamScriptHandler, Concurrency>> serving(up_to(100));
    const ScopedRlimit few(RLIMIT_NOFILE, 200);
    serving.serve();
    BOOST_TEST(serving.connect().fd() >= 0);
    serving.stop();
    BOOST_TEST(serving.logged("RLIMIT_NOFILE") == 0U);
}

BOOST_AUTO_TEST_CASE(what_no_mode_can_use_needs_no_descriptors) {
    Serving<TCPServer<StreamScriptHandler, Blocking>> serving(up_to(1'000'000));
    serving.serve();
    BOOST_TEST(serving.connect().fd() >= 0);
    serving.stop();
    BOOST_TEST(serving.logged("RLIMIT_NOFILE") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
