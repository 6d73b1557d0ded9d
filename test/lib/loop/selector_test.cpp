#include <socketserver/loop/selector.hpp>

#include "../net/fixtures.hpp"
#include "support/case_guard.hpp"
#include "support/rlimit.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <ostream>
#include <set>
#include <string>
#include <vector>

namespace socketserver {
static std::ostream& boost_test_print_type(std::ostream& to, SelectorKind kind) {
    return to << to_string(kind);
}
}  // namespace socketserver

namespace socketserver::test {

namespace {

const std::array kinds{SelectorKind::epoll, SelectorKind::poll, SelectorKind::select};

/// Events by token.
using Events = std::map<Selector::Token, Readiness>;

Events wait(Selector& selector, Deadline deadline, std::size_t room = 256) {
    std::vector<Selector::Event> events(room);
    const std::size_t count = selector.wait(deadline, events);
    Events found;
    for (std::size_t i = 0; i < count; ++i)
        found[events[i].token] = events[i].readiness;
    return found;
}

constexpr Readiness read_only{.readable = true};
constexpr Readiness write_only{.writable = true};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(selector, CaseGuard)

BOOST_AUTO_TEST_CASE(its_kind_has_the_name_of_the_command_line) {
    BOOST_TEST(to_string(SelectorKind::epoll) == "epoll");
    BOOST_TEST(to_string(SelectorKind::poll) == "poll");
    BOOST_TEST(to_string(SelectorKind::select) == "select");
}

BOOST_DATA_TEST_CASE(tells_of_input, boost::unit_test::data::make(kinds), kind) {
    auto [server, client] = unix_connection();
    const auto selector = Selector::make(kind);
    selector->add(server.fileno(), 7);
    selector->want(server.fileno(), read_only);
    client.sendall("x");
    const Events events = wait(*selector, Deadline::never());
    BOOST_TEST_REQUIRE(events.contains(7));
    BOOST_TEST(events.at(7).readable);
    BOOST_TEST(!events.at(7).hung_up);
    BOOST_TEST(!events.at(7).urgent);
    selector->remove(server.fileno());
}

BOOST_DATA_TEST_CASE(tells_of_input_that_had_come_before_it_was_added, boost::unit_test::data::make(kinds), kind) {
    auto [server, client] = unix_connection();
    client.sendall("x");
    const auto selector = Selector::make(kind);
    selector->add(server.fileno(), 7);
    selector->want(server.fileno(), read_only);
    BOOST_TEST(wait(*selector, Deadline::never()).at(7).readable);
    selector->remove(server.fileno());
}

BOOST_DATA_TEST_CASE(tells_of_room_for_output, boost::unit_test::data::make(kinds), kind) {
    auto [server, client] = unix_connection();
    fill(server);
    const auto selector = Selector::make(kind);
    selector->add(server.fileno(), 7);
    selector->want(server.fileno(), write_only);
    BOOST_TEST(!wait(*selector, Deadline::now())[7].writable);
    client.setblocking(false);
    error_code drained;
    while (!drained)
        static_cast<void>(client.recv(65'536, 0, drained));
    BOOST_TEST(wait(*selector, Deadline::never())[7].writable);
    selector->remove(server.fileno());
}

BOOST_DATA_TEST_CASE(tells_of_the_peers_end_as_input, boost::unit_test::data::make(kinds), kind) {
    for (Ends (*const connection)() : {tcp_connection, unix_connection}) {
        auto [server, client] = connection();
        const auto selector = Selector::make(kind);
        selector->add(server.fileno(), 7);
        selector->want(server.fileno(), read_only);
        client.shutdown(SHUT_WR);
        const Events events = wait(*selector, Deadline::never());
        BOOST_TEST_REQUIRE(events.contains(7));
        BOOST_TEST(events.at(7).readable);
        BOOST_TEST((events.at(7).hung_up || kind == SelectorKind::select));
        selector->remove(server.fileno());
    }
}

BOOST_DATA_TEST_CASE(tells_of_a_reset_to_readers_and_writers, boost::unit_test::data::make(kinds), kind) {
    auto [server, client] = tcp_connection();
    fill(server);
    const auto selector = Selector::make(kind);
    selector->add(server.fileno(), 7);
    selector->want(server.fileno(), {.readable = true, .writable = true});
    static_cast<void>(wait(*selector, Deadline::now()));
    reset(client);
    const Events events = wait(*selector, Deadline::never());
    BOOST_TEST_REQUIRE(events.contains(7));
    BOOST_TEST(events.at(7).readable);
    BOOST_TEST(events.at(7).writable);
    selector->remove(server.fileno());
}

BOOST_DATA_TEST_CASE(tells_of_urgent_data_if_that_is_wanted, boost::unit_test::data::make(kinds), kind) {
    auto [server, client] = tcp_connection();
    const auto selector = Selector::make(kind);
    selector->add(server.fileno(), 7);
    selector->want(server.fileno(), {.readable = true, .urgent = true});
    static_cast<void>(wait(*selector, Deadline::now()));
    client.send("!", MSG_OOB);
    const Events events = wait(*selector, Deadline::never());
    BOOST_TEST_REQUIRE(events.contains(7));
    BOOST_TEST(events.at(7).urgent);
    BOOST_TEST(events.at(7).readable);
    selector->remove(server.fileno());
}

BOOST_DATA_TEST_CASE(urgent_data_that_is_not_wanted_is_told_once_at_most, boost::unit_test::data::make(kinds), kind) {
    auto [server, client] = tcp_connection();
    const auto selector = Selector::make(kind);
    selector->add(server.fileno(), 7);
    selector->want(server.fileno(), read_only);
    static_cast<void>(wait(*selector, Deadline::now()));
    client.send("!", MSG_OOB);
    // It has come when it can be received.
    BOOST_TEST(eventually([&server = server] {
        error_code none_yet;
        return server.recv(1, MSG_OOB | MSG_PEEK | MSG_DONTWAIT, none_yet) == "!";
    }));
    static_cast<void>(wait(*selector, Deadline::now()));
    BOOST_TEST(wait(*selector, Deadline::now()).empty());
    selector->remove(server.fileno());
}

BOOST_DATA_TEST_CASE(tells_nothing_when_the_deadline_comes_first, boost::unit_test::data::make(kinds), kind) {
    auto [server, client] = unix_connection();
    const auto selector = Selector::make(kind);
    BOOST_TEST(wait(*selector, Deadline::now()).empty());
    BOOST_TEST(wait(*selector, Deadline::after(2ms)).empty());
    selector->add(server.fileno(), 7);
    selector->want(server.fileno(), read_only);
    static_cast<void>(wait(*selector, Deadline::now()));  // that there is room is told unasked by epoll
    BOOST_TEST(wait(*selector, Deadline::after(2ms)).empty());
    selector->remove(server.fileno());
}

BOOST_DATA_TEST_CASE(tells_nothing_of_what_has_been_removed, boost::unit_test::data::make(kinds), kind) {
    auto [server, client] = unix_connection();
    auto [other, other_client] = unix_connection();
    const auto selector = Selector::make(kind);
    selector->add(server.fileno(), 1);
    selector->want(server.fileno(), read_only);
    selector->add(other.fileno(), 2);
    selector->want(other.fileno(), read_only);
    client.sendall("x");
    other_client.sendall("x");
    selector->remove(server.fileno());
    const Events events = wait(*selector, Deadline::never());
    BOOST_TEST(!events.contains(1));
    BOOST_TEST(events.contains(2));
    selector->remove(other.fileno());
    BOOST_TEST(wait(*selector, Deadline::now()).empty());
}

BOOST_DATA_TEST_CASE(tells_the_new_token_when_a_descriptor_is_used_again, boost::unit_test::data::make(kinds), kind) {
    const auto selector = Selector::make(kind);
    int number = -1;
    for (Selector::Token token = 1; token <= 3; ++token) {
        auto [server, client] = unix_connection();
        if (number < 0)
            number = server.fileno();
        BOOST_TEST(server.fileno() == number);
        selector->add(server.fileno(), token);
        selector->want(server.fileno(), read_only);
        client.sendall("x");
        const Events events = wait(*selector, Deadline::never());
        BOOST_TEST(events.size() == 1U);
        BOOST_TEST(events.contains(token));
        selector->remove(server.fileno());
    }
}

BOOST_DATA_TEST_CASE(a_failed_descriptor_of_which_nothing_is_wanted_does_not_end_waits,
                     boost::unit_test::data::make(kinds), kind) {
    auto [server, client] = tcp_connection();
    const auto selector = Selector::make(kind);
    selector->add(server.fileno(), 7);
    selector->want(server.fileno(), {});
    reset(client);
    BOOST_TEST(eventually([&server = server] {
        pollfd entry{server.fileno(), 0, 0};
        return ::poll(&entry, 1, 0) == 1;
    }));
    static_cast<void>(wait(*selector, Deadline::now()));  // epoll tells each change once
    const Deadline deadline = Deadline::after(20ms);
    BOOST_TEST(wait(*selector, deadline).empty());
    BOOST_TEST(deadline.expired());
    // It is still there for one who asks.
    if (kind != SelectorKind::epoll) {
        selector->want(server.fileno(), read_only);
        BOOST_TEST(wait(*selector, Deadline::never()).contains(7));
    }
    selector->remove(server.fileno());
}

BOOST_DATA_TEST_CASE(tells_all_in_several_rounds_if_there_is_little_room, boost::unit_test::data::make(kinds), kind) {
    const auto selector = Selector::make(kind);
    std::vector<Ends> connections;
    for (Selector::Token token = 0; token < 50; ++token) {
        connections.push_back(unix_connection());
        connections.back().client.sendall("x");
        selector->add(connections.back().server.fileno(), token);
        selector->want(connections.back().server.fileno(), read_only);
    }
    // Nobody reads, so all stay ready; still each gets its turn.
    std::set<Selector::Token> told;
    for (int round = 0; round < 10; ++round)
        for (const auto& [token, readiness] : wait(*selector, Deadline::now(), 7))
            told.insert(token);
    BOOST_TEST(told.size() == connections.size());
    for (const Ends& ends : connections)
        selector->remove(ends.server.fileno());
}

BOOST_DATA_TEST_CASE(watches_many_that_come_and_go, boost::unit_test::data::make(kinds), kind) {
    const auto selector = Selector::make(kind);
    std::vector<Ends> connections;
    for (Selector::Token token = 0; token < 100; ++token) {
        connections.push_back(unix_connection());
        selector->add(connections.back().server.fileno(), token);
        selector->want(connections.back().server.fileno(), read_only);
    }
    static_cast<void>(wait(*selector, Deadline::now()));
    // The first, the last and some in between go.
    for (std::size_t i = 0; i < connections.size(); i += 3)
        selector->remove(connections[i].server.fileno());
    for (Ends& ends : connections)
        ends.client.sendall("x");
    Events events;
    while (events.size() < 66)
        events.merge(wait(*selector, Deadline::never()));
    for (const auto& [token, readiness] : events)
        BOOST_TEST(token % 3 != 0U);
    for (std::size_t i = 0; i < connections.size(); ++i)
        if (i % 3 != 0)
            selector->remove(connections[i].server.fileno());
}

BOOST_DATA_TEST_CASE(a_signal_ends_the_wait_without_an_error, boost::unit_test::data::make(kinds), kind) {
    const auto selector = Selector::make(kind);
    const SignalStorm storm;
    const Deadline deadline = Deadline::after(100ms);
    int ended = 0;
    while (!deadline.expired()) {
        BOOST_TEST_REQUIRE(wait(*selector, deadline).empty());
        ++ended;
    }
    BOOST_TEST(ended > 1);
}

BOOST_AUTO_TEST_CASE(select_refuses_a_descriptor_that_is_too_high_and_names_the_limit) {
    const ScopedRlimit limit(RLIMIT_NOFILE, FD_SETSIZE + 64);
    auto [server, client] = unix_connection();
    const UniqueFd high{::fcntl(server.fileno(), F_DUPFD_CLOEXEC, FD_SETSIZE)};
    BOOST_TEST_REQUIRE(high.get() >= FD_SETSIZE);
    const auto selector = Selector::make(SelectorKind::select);
    selector->add(server.fileno(), 1);
    selector->want(server.fileno(), read_only);
    CHECK_FAILS(selector->add(high.get(), 2), EMFILE, "descriptor 1024 is too high for select(2)");
    // The others are watched as before.
    client.sendall("x");
    BOOST_TEST(wait(*selector, Deadline::never()).contains(1));
    for (const SelectorKind kind : {SelectorKind::epoll, SelectorKind::poll}) {
        const auto takes_it = Selector::make(kind);
        takes_it->add(high.get(), 2);
        takes_it->want(high.get(), read_only);
        BOOST_TEST(wait(*takes_it, Deadline::never()).contains(2));
    }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_watched_is_an_error) {
    const auto selector = Selector::make(SelectorKind::epoll);
    const UniqueFd folder{::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    CHECK_FAILS(selector->add(folder.get(), 1), EPERM, "epoll_ctl");
    CHECK_FAILS(selector->add(-1, 1), EBADF, "epoll_ctl");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
