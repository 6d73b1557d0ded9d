#include <socketserver/net/socket.hpp>

#include "fixtures.hpp"
#include "support/case_guard.hpp"
#include "support/temporary_directory.hpp"

#include <socketserver/net/poll_waiter.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

// The life, names, connections and options of a socket; socket_io_test.cpp moves bytes, socket_timeout_test.cpp waits.

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(socket, CaseGuard)

// ---- Life -------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_socket_owns_its_descriptor) {
    Socket none;
    BOOST_TEST(none.fileno() == -1);
    BOOST_TEST(!none.is_open());
    Socket one(AF_INET);
    const int fd = one.fileno();
    BOOST_TEST(one.is_open());
    BOOST_TEST((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    Socket other(std::move(one));
    BOOST_TEST(other.fileno() == fd);
    BOOST_TEST(one.fileno() == -1);  // NOLINT(bugprone-use-after-move): moved from means closed
    none = std::move(other);
    BOOST_TEST(none.fileno() == fd);
    none.close();
    none.close();
    BOOST_TEST(none.fileno() == -1);
    BOOST_TEST(::fcntl(fd, F_GETFD) == -1);
}

BOOST_AUTO_TEST_CASE(assigning_closes_what_was_owned) {
    auto [server, client] = unix_connection();
    server = Socket{};
    BOOST_TEST(client.recv(1).empty());
}

BOOST_AUTO_TEST_CASE(detach_gives_the_descriptor_up) {
    Socket socket(AF_INET);
    const UniqueFd fd{socket.detach()};
    BOOST_TEST(!socket.is_open());
    BOOST_TEST(::fcntl(fd.get(), F_GETFD) != -1);
    BOOST_TEST(Socket{}.detach() == -1);
}

BOOST_AUTO_TEST_CASE(a_socket_that_cannot_be_made_is_an_error) {
    CHECK_FAILS(Socket(AF_INET, 12345), EINVAL, "socket");
}

BOOST_AUTO_TEST_CASE(every_operation_of_a_closed_socket_fails_with_ebadf) {
    Socket closed;
    const UniqueFd file{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    std::array<std::byte, 1> buffer{};
    msghdr message{};
    const Address address("127.0.0.1", 1);
    error_code error;
    const auto check = [&error](const char* operation) {
        BOOST_TEST_INFO(operation);
        BOOST_TEST(error == system_code(EBADF));
        error = {};
    };
    // None of the forms with an error_code throws.
    BOOST_CHECK_NO_THROW((closed.shutdown(SHUT_RD, error), check("shutdown")));
    BOOST_CHECK_NO_THROW((closed.bind(address, error), check("bind")));
    BOOST_CHECK_NO_THROW((static_cast<void>(closed.getsockname(error)), check("getsockname")));
    BOOST_CHECK_NO_THROW((static_cast<void>(closed.getpeername(error)), check("getpeername")));
    BOOST_CHECK_NO_THROW((closed.listen(1, error), check("listen")));
    BOOST_CHECK_NO_THROW((static_cast<void>(closed.accept(error)), check("accept")));
    BOOST_CHECK_NO_THROW((closed.connect(address, error), check("connect")));
    BOOST_CHECK_NO_THROW((error = closed.connect_ex(address), check("connect_ex")));
    BOOST_CHECK_NO_THROW((static_cast<void>(closed.recv(1, 0, error)), check("recv")));
    BOOST_CHECK_NO_THROW((closed.recv_into(buffer, 0, error), check("recv_into")));
    BOOST_CHECK_NO_THROW((static_cast<void>(closed.recvfrom(1, 0, error)), check("recvfrom")));
    BOOST_CHECK_NO_THROW((closed.recvmsg(message, 0, error), check("recvmsg")));
    BOOST_CHECK_NO_THROW((closed.send("x", 0, error), check("send")));
    BOOST_CHECK_NO_THROW((closed.sendall("x", error), check("sendall")));
    BOOST_CHECK_NO_THROW((closed.sendmsg(message, 0, error), check("sendmsg")));
    BOOST_CHECK_NO_THROW((closed.sendto("x", address, 0, error), check("sendto")));
    BOOST_CHECK_NO_THROW((closed.sendfile(file.get(), 0, 1, error), check("sendfile")));
    BOOST_CHECK_NO_THROW((closed.read_some(buffer, error), check("read_some")));
    BOOST_CHECK_NO_THROW((closed.write_all("x", error), check("write_all")));
    BOOST_CHECK_NO_THROW((static_cast<void>(closed.getsockopt(SOL_SOCKET, SO_TYPE, error)), check("getsockopt")));
    BOOST_CHECK_NO_THROW((closed.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1, error), check("setsockopt")));
    // The others name the call.
    CHECK_FAILS(closed.shutdown(SHUT_RD), EBADF, "shutdown");
    CHECK_FAILS(closed.bind(address), EBADF, "bind to 127.0.0.1:1");
    CHECK_FAILS(closed.getsockname(), EBADF, "getsockname");
    CHECK_FAILS(closed.getpeername(), EBADF, "getpeername");
    CHECK_FAILS(closed.listen(), EBADF, "listen");
    CHECK_FAILS(closed.accept(), EBADF, "accept");
    CHECK_FAILS(closed.connect(address), EBADF, "connect to 127.0.0.1:1");
    CHECK_FAILS(closed.recv(1), EBADF, "recv");
    CHECK_FAILS(closed.recv_into(buffer), EBADF, "recv");
    CHECK_FAILS(closed.recvfrom(1), EBADF, "recvfrom");
    CHECK_FAILS(closed.send("x"), EBADF, "send");
    CHECK_FAILS(closed.sendall("x"), EBADF, "send");
    CHECK_FAILS(closed.sendto("x", address), EBADF, "sendto 127.0.0.1:1");
    CHECK_FAILS(closed.sendfile(file.get()), EBADF, "sendfile");
    CHECK_FAILS(closed.getsockopt(SOL_SOCKET, SO_TYPE), EBADF, "getsockopt");
    CHECK_FAILS(closed.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1), EBADF, "setsockopt");
}

BOOST_AUTO_TEST_CASE(success_clears_the_error_code) {
    auto [server, client] = tcp_connection();
    const error_code before = system_code(EIO);
    error_code error = before;
    BOOST_TEST(server.send("12345678", 0, error) == 8U);
    BOOST_TEST(!error);
    BOOST_TEST_REQUIRE(arrive(client, 8));
    std::array<std::byte, 1> buffer{};
    BOOST_TEST(client.recv_into(buffer, 0, error = before) == 1U);
    BOOST_TEST(!error);
    BOOST_TEST(client.recv(1, 0, error = before) == "2");
    BOOST_TEST(!error);
    BOOST_TEST(client.read_some(buffer, error = before).bytes == 1U);
    BOOST_TEST(!error);
    BOOST_TEST(server.sendall("x", error = before) == 1U);
    BOOST_TEST(!error);
    BOOST_TEST(server.sendall("", error = before) == 0U);
    BOOST_TEST(!error);
    BOOST_TEST((server.getsockname(error = before) == client.getpeername()));
    BOOST_TEST(!error);
    server.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1, error = before);
    BOOST_TEST(!error);
    BOOST_TEST(server.getsockopt(SOL_SOCKET, SO_KEEPALIVE, error = before) == 1);
    BOOST_TEST(!error);
    server.shutdown(SHUT_WR, error = before);
    BOOST_TEST(!error);
}

// ---- Names and connections --------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(bind_listen_accept_connect_over_tcp) {
    Socket listener(AF_INET);
    listener.bind(Address("127.0.0.1", 0));
    listener.listen();
    const Address address = listener.getsockname();
    BOOST_TEST(address.host() == "127.0.0.1");
    BOOST_TEST(address.port() != 0);
    Socket client(AF_INET);
    client.connect(address);
    auto [server, peer] = listener.accept();
    BOOST_TEST(peer == client.getsockname());
    BOOST_TEST(server.getpeername() == peer);
    BOOST_TEST(client.getpeername() == address);
    BOOST_TEST(server.peer_name() == peer.to_string());
    BOOST_TEST(client.peer_name() == address.to_string());
    BOOST_TEST((::fcntl(server.fileno(), F_GETFD) & FD_CLOEXEC) != 0);
    server.sendall("hello");
    BOOST_TEST(client.recv(100) == "hello");
}

BOOST_AUTO_TEST_CASE(bind_listen_accept_connect_over_unix_paths_and_abstract_names) {
    const TemporaryDirectory folder;
    const std::string name = "@socketserver-test-" + std::to_string(::getpid());
    for (const Address& address : {Address::unix_path(folder / "socket"), Address::unix_path(name)}) {
        Socket listener(AF_UNIX);
        listener.bind(address);
        listener.listen();
        BOOST_TEST(listener.getsockname() == address);
        Socket client(AF_UNIX);
        client.connect(address);
        BOOST_TEST(client.getpeername() == address);
        auto [server, peer] = listener.accept();
        BOOST_TEST(peer.is_unnamed() == true);
        client.sendall("hello");
        BOOST_TEST(server.recv(100) == "hello");
    }
}

BOOST_AUTO_TEST_CASE(any_address_binds_in_the_socket_s_own_family) {
    Socket ipv4(AF_INET);
    ipv4.bind(Address("", 0));
    BOOST_TEST(ipv4.getsockname().host() == "0.0.0.0");
    Socket ipv6(AF_INET6);
    ipv6.bind(Address("", 0));
    BOOST_TEST(ipv6.getsockname().host() == "::");
}

BOOST_AUTO_TEST_CASE(bind_names_an_address_in_use) {
    Socket first = create_server(Address("127.0.0.1", 0));
    Socket second(AF_INET);
    CHECK_FAILS(second.bind(first.getsockname()), EADDRINUSE, "bind to " + first.getsockname().to_string());
    error_code error;
    second.bind(first.getsockname(), error);
    BOOST_TEST(error == system_code(EADDRINUSE));
}

BOOST_AUTO_TEST_CASE(getpeername_of_an_unconnected_socket_fails) {
    Socket socket(AF_INET);
    CHECK_FAILS(socket.getpeername(), ENOTCONN, "getpeername");
    error_code error;
    BOOST_TEST(socket.getpeername(error).is_unnamed());
    BOOST_TEST(error == system_code(ENOTCONN));
}

BOOST_AUTO_TEST_CASE(a_refused_connection_names_the_address) {
    const Address address = refused_address();
    Socket socket(AF_INET);
    CHECK_FAILS(socket.connect(address), ECONNREFUSED, "connect to " + address.to_string());
    BOOST_TEST(Socket(AF_INET).connect_ex(address) == system_code(ECONNREFUSED));
    const TemporaryDirectory folder;
    BOOST_TEST(Socket(AF_UNIX).connect_ex(Address::unix_path(folder / "none")) == system_code(ENOENT));
}

BOOST_AUTO_TEST_CASE(a_connected_socket_blocks_as_before) {
    Socket listener = create_server(Address("127.0.0.1", 0));
    Socket client(AF_INET);
    BOOST_TEST(!client.connect_ex(listener.getsockname()));
    BOOST_TEST((::fcntl(client.fileno(), F_GETFL) & O_NONBLOCK) == 0);
}

BOOST_AUTO_TEST_CASE(an_accepted_socket_has_no_time_out) {
    Socket listener = create_server(Address("127.0.0.1", 0));
    listener.settimeout(1h);
    Socket client = create_connection(listener.getsockname());
    const Socket server = listener.accept().first;
    BOOST_TEST(!server.gettimeout().has_value());
}

BOOST_AUTO_TEST_CASE(an_accepted_socket_may_block_in_the_kernel_where_its_thread_may) {
    // One system call for a read, also in a thread whose server can cut it.
    const Wakeup cut;
    PollWaiter waiter(cut);
    const ScopedWaiter scope(waiter);
    Socket listener = create_server(Address("127.0.0.1", 0));
    Socket client = create_connection(listener.getsockname());
    const Socket server = listener.accept().first;
    BOOST_TEST((::fcntl(server.fileno(), F_GETFL) & O_NONBLOCK) == 0);
}

BOOST_AUTO_TEST_CASE(accept_without_waiting_says_eagain) {
    Socket listener = create_server(Address("127.0.0.1", 0));
    listener.setblocking(false);
    CHECK_FAILS(listener.accept(), EAGAIN, "accept");
    error_code error;
    BOOST_TEST(!listener.accept(error).first.is_open());
    BOOST_TEST(error == system_code(EAGAIN));
}

BOOST_AUTO_TEST_CASE(accept_waits_for_a_connection) {
    Socket listener = create_server(Address("127.0.0.1", 0));
    const Address address = listener.getsockname();
    Background connecting([address] { create_connection(address).sendall("hello"); });
    Socket server = listener.accept().first;
    BOOST_TEST(server.recv(100) == "hello");
}

BOOST_AUTO_TEST_CASE(listen_of_a_connected_socket_fails) {
    auto [server, client] = tcp_connection();
    CHECK_FAILS(server.listen(), EINVAL, "listen");
    error_code error;
    server.listen(1, error);
    BOOST_TEST(error == system_code(EINVAL));
}

// ---- Options ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(options_are_set_and_read) {
    Socket socket(AF_INET);
    socket.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1);
    BOOST_TEST(socket.getsockopt(SOL_SOCKET, SO_KEEPALIVE) == 1);
    BOOST_TEST(socket.getsockopt(SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
    const linger for_a_while{1, 7};
    socket.setsockopt(SOL_SOCKET, SO_LINGER, std::as_bytes(std::span{&for_a_while, 1}));
    linger found{};
    socklen_t size = sizeof found;
    BOOST_TEST(::getsockopt(socket.fileno(), SOL_SOCKET, SO_LINGER, &found, &size) == 0);
    BOOST_TEST(found.l_linger == 7);
    CHECK_FAILS(socket.setsockopt(SOL_SOCKET, 12345, 1), ENOPROTOOPT, "setsockopt");
    CHECK_FAILS(socket.getsockopt(SOL_SOCKET, 12345), ENOPROTOOPT, "getsockopt");
    error_code error;
    socket.setsockopt(SOL_SOCKET, 12345, 1, error);
    BOOST_TEST(error == system_code(ENOPROTOOPT));
    socket.setsockopt(SOL_SOCKET, SO_LINGER, std::as_bytes(std::span{&for_a_while, 1}), error);
    BOOST_TEST(!error);
    socket.setsockopt(SOL_SOCKET, SO_LINGER, std::span<const std::byte>{}, error);
    BOOST_TEST(error == system_code(EINVAL));
}

BOOST_AUTO_TEST_CASE(settimeout_and_setblocking_are_one_setting) {
    Socket socket(AF_INET);
    BOOST_TEST(!socket.gettimeout().has_value());
    socket.settimeout(1500ms);
    BOOST_TEST((socket.gettimeout() == 1500ms));
    socket.setblocking(false);
    BOOST_TEST((socket.gettimeout() == 0ns));
    socket.setblocking(true);
    BOOST_TEST(!socket.gettimeout().has_value());
    socket.settimeout(-1s);
    BOOST_TEST((socket.gettimeout() == 0ns));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
