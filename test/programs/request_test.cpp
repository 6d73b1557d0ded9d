/// \file
/// What one client does to the others, and what a server says of clients that misbehave: one line.

#include "program.hpp"

#include <support/case_guard.hpp>
#include <support/rlimit.hpp>

#include <boost/test/unit_test.hpp>

#include <signal.h>
#include <sys/resource.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace socketserver::test {

namespace {

using namespace std::chrono_literals;

/// The next line of a server's log, which is to be about a client.
void expect_connected(Server& server, const Client& client) {
    BOOST_TEST(server.error_line() == "... connected from: " + client.local_address() + "\n");
}

void expect_warning(Server& server, const std::string& client, const std::string& what, const std::string& message) {
    BOOST_TEST(server.error_line() ==
               "time_server: request from " + client + ": " + what + " from " + client + ": " + message + "\n");
}

/// The server answers, and has nothing more to say.
void expect_well(Server& server) {
    Client client = server.connect();
    client.send("well?\n");
    BOOST_TEST(without_time(client.read_line()) == "well?\n");
    expect_connected(server, client);
    client.half_close();
    BOOST_TEST(client.read_all() == "");
    BOOST_TEST(server.stop() == "");
}

/// Many clients at once, of which every other one says nothing.
/// \param arguments of the server
void check_with_half_of_them_silent(const std::vector<std::string>& arguments, std::size_t count) {
    // So many take their time to end when the machine is slow.
    std::vector<std::string> command{"time_server", "--port", "0", "--quiet", "--drain", "60"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    Server server(command);
    std::vector<Client> clients;
    clients.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        clients.push_back(server.connect());
    for (std::size_t i = 1; i < count; i += 2)
        clients[i].send(std::to_string(i) + '\n');
    std::size_t answered = 0;
    for (std::size_t i = 1; i < count; i += 2) {
        if (without_time(clients[i].read_line()) == std::to_string(i) + '\n')
            ++answered;
    }
    BOOST_TEST(answered == count / 2);
    BOOST_TEST(server.stop() == "");
}

/// Whether this process, and the servers that it starts, may have so many descriptors open.
bool may_open(std::size_t count) {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= count;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(request, CaseGuard)

BOOST_AUTO_TEST_CASE(a_line_over_the_limit_ends_one_request) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--port", "0"});
            Client client = server.connect();
            client.send(std::string(65'536, 'x') + '\n');
            BOOST_TEST(without_time(client.read_line()).size() == 65'537U);
            client.send(std::string(65'537, 'x') + '\n');
            expect_connected(server, client);
            expect_warning(server, client.local_address(), "a line longer than 65536 bytes", "Message too long");
            client.close();
            expect_well(server);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_reset_ends_one_request) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--port", "0"});
            Client client = server.connect();
            client.send("line\npart");
            BOOST_TEST(without_time(client.read_line()) == "line\n");
            expect_connected(server, client);
            const std::string name = client.local_address();
            client.reset();
            expect_warning(server, name, "recv", "Connection reset by peer");
            expect_well(server);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_half_close_ends_one_request_after_its_last_reply) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--port", "0"});
            Client client = server.connect();
            client.send("line\nlast");
            client.half_close();
            BOOST_TEST(without_time(client.read_line()) == "line\n");
            BOOST_TEST(without_time(client.read_line()) == "last\n");
            BOOST_TEST(client.read_line() == "");
            expect_connected(server, client);
            expect_well(server);
        }
    }
}

BOOST_AUTO_TEST_CASE(an_idle_client_is_sent_away) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--port", "0", "--timeout", "0.5"});
            Client client = server.connect();
            BOOST_TEST(client.read_all() == "");
            expect_connected(server, client);
            expect_warning(server, client.local_address(), "recv", "Connection timed out");
            expect_well(server);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_finish_its_line_is_sent_away) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--port", "0", "--line-timeout", "0.3"});
            Client client = server.connect();
            client.send("half");
            BOOST_TEST(client.read_all() == "");
            expect_connected(server, client);
            expect_warning(server, client.local_address(), "line not complete within 0.3 s", "Connection timed out");
            expect_well(server);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_connection_ends_after_its_number_of_requests) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--port", "0", "--requests-per-connection", "2"});
            Client client = server.connect();
            client.send("one\ntwo\n");
            BOOST_TEST(without_time(client.read_line()) == "one\n");
            BOOST_TEST(without_time(client.read_line()) == "two\n");
            BOOST_TEST(client.read_line() == "");
            expect_connected(server, client);
            expect_well(server);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_server_whose_log_nobody_reads_goes_on) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--port", "0"});
            server.close_output();
            for (int i = 0; i < 3; ++i) {
                Client client = server.connect();
                client.send("well?\n");
                BOOST_TEST(without_time(client.read_line()) == "well?\n");
            }
            server.signal(SIGTERM);
            BOOST_TEST(server.wait() == 0);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_silent_client_delays_nobody) {
    for (const std::string& mode : concurrent_modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--port", "0"});
            const Client silent = server.connect();
            expect_connected(server, silent);
            expect_well(server);
        }
    }
}

BOOST_AUTO_TEST_CASE(two_hundred_clients_are_all_answered) {
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"time_server", "--mode", mode, "--port", "0", "--quiet"});
            std::vector<Client> clients;
            clients.reserve(200);
            for (int i = 0; i < 200; ++i)
                clients.push_back(server.connect());
            // The last first: no connection may need that the one before it has been served.
            if (mode != "blocking") {
                for (std::size_t i = 160; i < clients.size(); ++i)
                    clients[i].send(std::to_string(i) + '\n');
            }
            for (std::size_t i = 0; i < clients.size(); ++i) {
                clients[i].send("and " + std::to_string(i) + '\n');
                clients[i].half_close();
            }
            for (std::size_t i = 0; i < clients.size(); ++i) {
                if (mode != "blocking" && i >= 160)
                    BOOST_TEST(without_time(clients[i].read_line()) == std::to_string(i) + '\n');
                BOOST_TEST(without_time(clients[i].read_all()) == "and " + std::to_string(i) + '\n');
            }
            BOOST_TEST(server.stop() == "");
        }
    }
}

BOOST_AUTO_TEST_CASE(two_hundred_clients_of_which_half_are_silent_delay_nobody) {
    for (const std::string& mode : concurrent_modes) {
        BOOST_TEST_CONTEXT(mode)
        check_with_half_of_them_silent({"--mode", mode, "--max-connections", "200"}, 200);
    }
    for (const std::string selector : {"poll", "select"}) {
        BOOST_TEST_CONTEXT(selector)
        check_with_half_of_them_silent({"--mode", "selecting", "--selector", selector}, 200);
    }
}

BOOST_AUTO_TEST_CASE(selecting_serves_five_thousand_clients_of_which_half_are_silent) {
    constexpr std::size_t count = 5'000;
    const ScopedRlimit descriptors(RLIMIT_NOFILE, count + 100);
    if (!may_open(count + 100)) {
        BOOST_TEST_MESSAGE("this machine does not allow as many descriptors");
        return;
    }
    check_with_half_of_them_silent({"--mode", "selecting"}, count);
}

BOOST_AUTO_TEST_CASE(connections_that_select_cannot_take_wait_and_the_others_are_served) {
    const ScopedRlimit descriptors(RLIMIT_NOFILE, 2'000);
    if (!may_open(2'000)) {
        BOOST_TEST_MESSAGE("this machine does not allow as many descriptors");
        return;
    }
    // What the server opens for itself is below 1,024, and so are the first connections.
    Server server({"time_server", "--mode", "selecting", "--selector", "select", "--port", "0"}, {.many = 1'000});
    std::vector<Client> clients;
    for (int i = 0; i < 24; ++i)
        clients.push_back(server.connect());
    std::string line = server.error_line();
    std::size_t known = 0;
    for (; line.starts_with("... connected from: "); line = server.error_line())
        ++known;
    BOOST_TEST_REQUIRE(known > 1U);
    BOOST_TEST(line.find("no descriptor below 1024 for select(2)") != std::string::npos, line);
    BOOST_TEST_REQUIRE(known < clients.size());
    clients[known].send("now?\n");
    BOOST_TEST(clients[known].nothing_within(100ms));
    for (std::size_t i = 0; i < known; ++i) {
        clients[i].send("still?\n");
        BOOST_TEST(without_time(clients[i].read_line()) == "still?\n");
    }
    clients.front().close();
    BOOST_TEST(without_time(clients[known].read_line()) == "now?\n");
}

BOOST_AUTO_TEST_CASE(forking_serves_forty_at_a_time_and_the_others_in_turn) {
    Server server({"time_server", "--mode", "forking", "--port", "0"});
    std::vector<Client> clients;
    for (int i = 0; i < 40; ++i) {
        clients.push_back(server.connect());
        expect_connected(server, clients.back());
    }
    Client next = server.connect();
    next.send("now?\n");
    BOOST_TEST(next.nothing_within(100ms));
    clients.front().close();
    BOOST_TEST(without_time(next.read_line()) == "now?\n");
    expect_connected(server, next);
    BOOST_TEST(server.stop() == "");
}

BOOST_AUTO_TEST_CASE(no_more_are_served_at_a_time_than_allowed) {
    for (const std::string& mode : concurrent_modes) {
        BOOST_TEST_CONTEXT(mode) {
            std::vector<std::string> command{"time_server",       "--mode", mode,     "--port", "0",
                                             "--max-connections", "2",      "--quiet"};
            if (mode == "preforking")
                command.insert(command.end(), {"--workers", "2"});  // which share them
            Server server(command);
            std::vector<Client> clients;
            for (int i = 0; i < 3; ++i) {
                clients.push_back(server.connect());
                clients.back().send("now?\n");
                if (i < 2)
                    BOOST_TEST(without_time(clients.back().read_line()) == "now?\n");
            }
            BOOST_TEST(clients.back().nothing_within(50ms));
            clients.front().close();
            BOOST_TEST(without_time(clients.back().read_line()) == "now?\n");
            BOOST_TEST(server.stop() == "");
        }
    }
}

BOOST_AUTO_TEST_CASE(no_more_of_an_address_are_served_than_allowed) {
    for (const std::string& mode : concurrent_modes) {
        BOOST_TEST_CONTEXT(mode) {
            std::vector<std::string> command{"time_server", "--mode", mode, "--port", "0", "--max-per-address", "1"};
            if (mode == "preforking")
                command.insert(command.end(), {"--workers", "1"});  // each counts by itself
            Server server(command);
            Client one = server.connect();
            expect_connected(server, one);
            Client two = server.connect();
            BOOST_TEST(server.error_line() == "time_server: request from " + two.local_address() +
                                                  ": closed, for its address has the most connections allowed, 1 (1 "
                                                  "time)\n");
            BOOST_TEST(two.read_all() == "");
            one.send("still here\n");
            BOOST_TEST(without_time(one.read_line()) == "still here\n");
            BOOST_TEST(server.stop() == "");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_server_may_have_as_many_descriptors_as_the_system_allows) {
    const auto limits_of = [](pid_t pid) {
        rlimit limit{};
        BOOST_TEST(::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) == 0);
        return limit;
    };
    const ScopedRlimit few(RLIMIT_NOFILE, 100);
    BOOST_TEST_REQUIRE(limits_of(0).rlim_max > 100U);
    Server server({"time_server", "--port", "0"});
    BOOST_TEST(limits_of(server.pid()).rlim_cur == limits_of(0).rlim_max);
    BOOST_TEST(server.stop() == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
