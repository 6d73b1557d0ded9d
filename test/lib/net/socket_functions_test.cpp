#include <socketserver/net/socket_functions.hpp>

#include "fixtures.hpp"
#include "support/case_guard.hpp"
#include "support/clients.hpp"
#include "support/temporary_directory.hpp"

#include <socketserver/net/resolve.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(socket_functions, CaseGuard)

BOOST_AUTO_TEST_CASE(create_connection_connects_by_number_name_and_address) {
    Socket listener = create_server(Address("127.0.0.1", 0));
    const Address address = listener.getsockname();
    const auto check = [&listener, &address](const Socket& client) {
        BOOST_TEST(listener.accept().second == client.getsockname());
        BOOST_TEST(client.getpeername() == address);
        BOOST_TEST(client.getsockopt(IPPROTO_TCP, TCP_NODELAY) == 1);
        BOOST_TEST(!client.gettimeout().has_value());
    };
    check(create_connection("127.0.0.1", address.port()));
    check(create_connection("localhost", address.port()));
    check(create_connection(address));
}

BOOST_AUTO_TEST_CASE(create_connection_keeps_the_time_out) {
    Socket listener = create_server(Address("127.0.0.1", 0));
    const Address address = listener.getsockname();
    BOOST_TEST((create_connection(address, 5s).gettimeout() == 5s));
    BOOST_TEST((create_connection("127.0.0.1", address.port(), 5s).gettimeout() == 5s));
}

BOOST_AUTO_TEST_CASE(create_connection_tries_one_address_after_the_other) {
    // No host is every loopback address: one of the two refuses.
    for (const char* const host : {"127.0.0.1", "::1"}) {
        Socket listener = create_server(Address(host, 0));
        const Socket client = create_connection("", listener.getsockname().port());
        BOOST_TEST(client.getpeername() == listener.getsockname());
    }
}

BOOST_AUTO_TEST_CASE(create_connection_connects_from_a_source_address) {
    Socket listener = create_server(Address("127.0.0.1", 0));
    const Socket client =
        create_connection("127.0.0.1", listener.getsockname().port(), std::nullopt, Address("127.0.0.2", 0));
    BOOST_TEST(client.getsockname().host() == "127.0.0.2");
    BOOST_TEST(listener.accept().second.host() == "127.0.0.2");
}

BOOST_AUTO_TEST_CASE(create_connection_names_the_address_that_refused) {
    const Address address = refused_address();
    CHECK_FAILS(create_connection(address), ECONNREFUSED, "connect to " + address.to_string());
    CHECK_FAILS(create_connection("127.0.0.1", address.port()), ECONNREFUSED, "connect to " + address.to_string());
    const Address path = Address::unix_path("/nonexistent/socket");
    CHECK_FAILS(create_connection(path), ENOENT, "connect to /nonexistent/socket");
}

BOOST_AUTO_TEST_CASE(create_connection_names_a_host_that_does_not_exist) {
    BOOST_CHECK_EXCEPTION(static_cast<void>(create_connection("no..such..host", 1)), system_error,
                          [](const system_error& error) {
                              return std::string_view(error.what()).find("no..such..host") != std::string_view::npos;
                          });
}

BOOST_AUTO_TEST_CASE(create_connection_connects_to_unix_sockets) {
    const TemporaryDirectory folder;
    Socket listener = create_server(Address::unix_path(folder / "socket"));
    Socket client = create_connection(listener.getsockname());
    Socket server = listener.accept().first;
    client.sendall("x");
    BOOST_TEST(server.recv(1) == "x");
}

BOOST_AUTO_TEST_CASE(a_server_at_any_address_is_reached_over_both_families) {
    Socket listener = create_server(Address("", 0));
    const std::uint16_t port = listener.getsockname().port();
    for (const char* const host : {"127.0.0.1", "::1"}) {
        Client client(host, port);
        auto [server, peer] = listener.accept();
        // IPv4 peers are shown as such.
        BOOST_TEST(peer.host() == host);
        BOOST_TEST(peer.to_string() == client.local_address());
        BOOST_TEST(server.getpeername() == peer);
        server.sendall("hello\n");
        BOOST_TEST(client.read_line() == "hello\n");
    }
}

BOOST_AUTO_TEST_CASE(a_server_at_an_ipv6_address_is_ipv6_alone) {
    Socket listener = create_server(Address("::", 0));
    BOOST_TEST(listener.getsockopt(IPPROTO_IPV6, IPV6_V6ONLY) == 1);
    // So that IPv4 can have the port too.
    Socket other = create_server(Address("0.0.0.0", listener.getsockname().port()));
    BOOST_TEST(other.getsockname().port() == listener.getsockname().port());
}

BOOST_AUTO_TEST_CASE(create_server_names_an_address_in_use) {
    Socket first = create_server(Address("127.0.0.1", 0));
    CHECK_FAILS(create_server(first.getsockname()), EADDRINUSE, "bind to " + first.getsockname().to_string());
    Socket any = create_server(Address("", 0));
    CHECK_FAILS(create_server(Address("", any.getsockname().port())), EADDRINUSE, "bind to *:");
}

BOOST_AUTO_TEST_CASE(create_server_takes_over_from_one_whose_connections_linger) {
    Socket listener = create_server(Address("127.0.0.1", 0));
    const Address address = listener.getsockname();
    Socket client = create_connection(address);
    // The side that closes first keeps the port in TIME_WAIT.
    listener.accept().first.close();
    BOOST_TEST(client.recv(1).empty());
    client.close();
    listener.close();
    BOOST_CHECK_NO_THROW(listener = create_server(address));
    listener.close();
    CHECK_FAILS(create_server(address, {.reuse_address = false}), EADDRINUSE, "bind to");
}

BOOST_AUTO_TEST_CASE(reuse_port_shares_a_port) {
    Socket first = create_server(Address("127.0.0.1", 0), {.reuse_port = true});
    Socket second = create_server(first.getsockname(), {.reuse_port = true});
    BOOST_TEST(second.getsockname() == first.getsockname());
}

BOOST_AUTO_TEST_CASE(reuse_port_is_refused_for_unix_sockets) {
    const TemporaryDirectory folder;
    const Address address = Address::unix_path(folder / "socket");
    BOOST_CHECK_EXCEPTION(static_cast<void>(create_server(address, {.reuse_port = true})), std::invalid_argument,
                          [&address](const std::invalid_argument& error) {
                              const std::string_view what = error.what();
                              return what.find("reuse_port") != std::string_view::npos &&
                                     what.find(address.to_string()) != std::string_view::npos;
                          });
    BOOST_TEST(::access(address.path().c_str(), F_OK) == -1);
}

BOOST_AUTO_TEST_CASE(create_bound_makes_datagram_sockets) {
    Socket receiver = create_bound(Address("", 0), SOCK_DGRAM, {.reuse_address = false});
    for (const char* const host : {"127.0.0.1", "::1"}) {
        DatagramClient client(host, receiver.getsockname().port());
        client.send("x");
        BOOST_TEST(receiver.recvfrom(10).second.to_string() == client.local_address());
    }
}

BOOST_AUTO_TEST_CASE(socketpair_connects_two_sockets) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        auto [one, two] = socketpair(AF_UNIX, type);
        BOOST_TEST((::fcntl(one.fileno(), F_GETFD) & FD_CLOEXEC) != 0);
        one.sendall("x");
        BOOST_TEST(two.recv(10) == "x");
        two.sendall("y");
        BOOST_TEST(one.recv(10) == "y");
    }
    CHECK_FAILS(socketpair(AF_INET), EOPNOTSUPP, "socketpair");
}

BOOST_AUTO_TEST_CASE(fromfd_duplicates) {
    auto [server, client] = tcp_connection();
    {
        Socket copy = fromfd(server.fileno());
        BOOST_TEST(copy.fileno() != server.fileno());
        BOOST_TEST((::fcntl(copy.fileno(), F_GETFD) & FD_CLOEXEC) != 0);
        BOOST_TEST(copy.peer_name() == server.peer_name());
        copy.sendall("from the copy ");
    }
    server.sendall("from the original");
    server.close();
    BOOST_TEST(receive_to_the_end(client) == "from the copy from the original");
    CHECK_FAILS(fromfd(-1), EBADF, "fcntl");
}

BOOST_AUTO_TEST_CASE(without_throwing_success_clears_the_error_code) {
    error_code error = system_code(EPERM);
    Socket listener = create_server(Address("127.0.0.1", 0), {}, error);
    BOOST_TEST(!error);
    const Address address = listener.getsockname();
    error = system_code(EPERM);
    const Socket by_address = create_connection(address, 5s, error);
    BOOST_TEST(!error);
    BOOST_TEST((by_address.gettimeout() == 5s));
    BOOST_TEST(listener.accept().second == by_address.getsockname());
    error = system_code(EPERM);
    const Socket by_name = create_connection("127.0.0.1", address.port(), 5s, Address("127.0.0.2", 0), error);
    BOOST_TEST(!error);
    BOOST_TEST(listener.accept().second.host() == "127.0.0.2");
    error = system_code(EPERM);
    auto [one, other] = socketpair(AF_UNIX, SOCK_DGRAM, error);
    BOOST_TEST(!error);
    one.send("hello");
    error = system_code(EPERM);
    Socket copy = fromfd(other.fileno(), error);
    BOOST_TEST(!error);
    BOOST_TEST(copy.recv(100) == "hello");
}

BOOST_AUTO_TEST_CASE(without_throwing_a_failure_is_stored_and_there_is_no_socket) {
    const Socket listener = create_server(Address("127.0.0.1", 0));
    const Address taken = listener.getsockname();
    error_code error;
    BOOST_TEST(create_server(taken, {}, error).fileno() == -1);
    BOOST_TEST(error == system_code(EADDRINUSE));
    const Address closed("127.0.0.1", 1);
    BOOST_TEST(create_connection(closed, std::nullopt, error).fileno() == -1);
    BOOST_TEST(error == system_code(ECONNREFUSED));
    BOOST_TEST(create_connection("127.0.0.1", 1, std::nullopt, std::nullopt, error).fileno() == -1);
    BOOST_TEST(error == system_code(ECONNREFUSED));
    BOOST_TEST(create_connection("name.invalid", 1, std::nullopt, std::nullopt, error).fileno() == -1);
    BOOST_TEST((error.category() == gai_category()));
    const auto pair = socketpair(AF_INET, SOCK_STREAM, error);
    BOOST_TEST(error == system_code(EOPNOTSUPP));
    BOOST_TEST(pair.first.fileno() == -1);
    BOOST_TEST(pair.second.fileno() == -1);
    BOOST_TEST(fromfd(-1, error).fileno() == -1);
    BOOST_TEST(error == system_code(EBADF));
}

BOOST_AUTO_TEST_CASE(the_file_of_a_unix_socket_has_the_permissions_asked_for) {
    const TemporaryDirectory folder;
    const auto mode_of = [&folder](const std::string& name, std::optional<mode_t> wanted) {
        const std::string path = folder / name;
        const Socket socket = create_server(Address::unix_path(path), {.unix_socket_mode = wanted});
        struct stat status {};
        BOOST_REQUIRE(::stat(path.c_str(), &status) == 0);
        return static_cast<unsigned>(status.st_mode) & 07777U;
    };
    const mode_t before = ::umask(022);
    BOOST_TEST(mode_of("default", std::nullopt) == 0755U);
    BOOST_TEST(mode_of("owner", 0600) == 0600U);
    BOOST_TEST(mode_of("cut", 0666) == 0644U);
    ::umask(0);
    BOOST_TEST(mode_of("all", 0666) == 0666U);
    BOOST_TEST(mode_of("own", 0600) == 0600U);
    ::umask(before);
    // Without effect where there is no file.
    error_code error;
    const Socket other = create_server(Address("127.0.0.1", 0), {.unix_socket_mode = 0600}, error);
    BOOST_TEST(!error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
