#include "support/case_guard.hpp"
#include "support/clients.hpp"
#include "support/forked.hpp"
#include "support/readable.hpp"
#include "support/temporary_directory.hpp"

#include <socketserver/handlers/echo_handler.hpp>
#include <socketserver/handlers/time_handler.hpp>
#include <socketserver/net/poll_waiter.hpp>
#include <socketserver/net/socket_functions.hpp>
#include <socketserver/os/unique_fd.hpp>
#include <socketserver/os/wakeup.hpp>
#include <socketserver/unix_server.hpp>
#include <socketserver/unix_socket_file.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

namespace socketserver::test {

namespace {

using StreamServerUnderTest = UnixStreamServer<EchoHandler>;
using DatagramServerUnderTest = UnixDatagramServer<EchoDatagramHandler>;

/// Leaves the file that a server leaves which is killed.
void leave_stale_file(const std::filesystem::path& path, int type) {
    Socket socket(AF_UNIX, type);
    socket.bind(Address::unix_path(path));
}

/// Whether nobody holds the lock on a folder.
bool can_be_locked(const std::filesystem::path& path) {
    const UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return ::flock(folder.get(), LOCK_EX | LOCK_NB) == 0;
}

bool address_in_use(const system_error& error) {
    return error.code() == system_code(EADDRINUSE);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(unix_server, CaseGuard)

BOOST_AUTO_TEST_CASE(removes_the_file_of_a_server_that_is_gone) {
    const TemporaryDirectory directory;
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        leave_stale_file(directory / "stream", type);
        const StreamServerUnderTest stream(directory / "stream");
        leave_stale_file(directory / "datagram", type);
        const DatagramServerUnderTest datagram(directory / "datagram");
    }
    BOOST_TEST(std::filesystem::is_empty(directory.path()));
}

BOOST_AUTO_TEST_CASE(keeps_the_file_of_a_server_that_lives) {
    const TemporaryDirectory directory;
    StreamServerUnderTest stream(directory / "stream");
    const DatagramServerUnderTest datagram(directory / "datagram");
    for (const char* const name : {"stream", "datagram"}) {
        BOOST_CHECK_EXCEPTION(StreamServerUnderTest second(directory / name), system_error, address_in_use);
        BOOST_CHECK_EXCEPTION(DatagramServerUnderTest second(directory / name), system_error, address_in_use);
        BOOST_TEST(std::filesystem::exists(directory / name));
    }
    BOOST_TEST(!is_readable(stream.fileno()));  // nobody has connected to find out
}

BOOST_AUTO_TEST_CASE(keeps_the_file_of_a_server_whose_queue_is_full) {
    const TemporaryDirectory directory;
    Socket listener = create_server(Address::unix_path(directory / "busy"), {.backlog = 0});
    const Client waiting(directory / "busy");
    BOOST_CHECK_EXCEPTION(StreamServerUnderTest second(directory / "busy"), system_error, address_in_use);
    BOOST_TEST(std::filesystem::exists(directory / "busy"));
}

BOOST_AUTO_TEST_CASE(keeps_what_is_no_socket) {
    const TemporaryDirectory directory;
    std::ofstream(directory / "file") << "precious";
    std::filesystem::create_symlink(directory / "nowhere", directory / "link");
    for (const char* const name : {"file", "link"}) {
        BOOST_CHECK_EXCEPTION(StreamServerUnderTest server(directory / name), system_error, address_in_use);
        BOOST_TEST(std::filesystem::exists(std::filesystem::symlink_status(directory / name)));
    }
}

BOOST_AUTO_TEST_CASE(only_the_process_that_made_the_file_removes_it) {
    const TemporaryDirectory directory;
    auto server = std::make_unique<StreamServerUnderTest>(directory / "socket");
    const int status = in_child([&] {
        server.reset();
        return 0;
    });
    BOOST_TEST(status == 0);
    BOOST_TEST(std::filesystem::exists(directory / "socket"));
    server.reset();
    BOOST_TEST(!std::filesystem::exists(directory / "socket"));
}

BOOST_AUTO_TEST_CASE(does_not_remove_a_file_that_has_taken_the_place_of_its_own) {
    const TemporaryDirectory directory;
    auto server = std::make_unique<StreamServerUnderTest>(directory / "socket");
    std::filesystem::remove(directory / "socket");
    const StreamServerUnderTest successor(directory / "socket");
    server.reset();
    BOOST_TEST(std::filesystem::exists(directory / "socket"));
    const Client client(directory / "socket");
}

BOOST_AUTO_TEST_CASE(an_abstract_name_leaves_no_file_and_is_free_again_at_once) {
    const std::string name = "@socketserver-test-" + std::to_string(::getpid());
    for (int i = 0; i < 2; ++i) {
        StreamServerUnderTest server(name);
        BOOST_TEST(server.server_address().path() == name);
        BOOST_CHECK_EXCEPTION(StreamServerUnderTest second(name), system_error, address_in_use);
        Client client{std::filesystem::path(name)};
        client.send("hello\n");
        client.half_close();
        server.handle_request();
        BOOST_TEST(client.read_all() == "hello\n");
    }
    BOOST_TEST(!std::filesystem::exists(name));
}

BOOST_AUTO_TEST_CASE(refuses_a_path_that_no_address_holds) {
    const TemporaryDirectory directory;
    BOOST_CHECK_THROW(StreamServerUnderTest server(directory / std::string(200, 'x')), std::invalid_argument);
    BOOST_CHECK_THROW(StreamServerUnderTest server(""), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(names_the_path_it_cannot_bind) {
    try {
        const StreamServerUnderTest server("/nonexistent/socket");
        BOOST_ERROR("it was bound");
    } catch (const system_error& error) {
        BOOST_TEST(error.code() == system_code(ENOENT));
        BOOST_TEST(std::string(error.what()).find("/nonexistent/socket") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(refuses_to_share_a_port_that_it_has_not) {
    const TemporaryDirectory directory;
    BOOST_CHECK_THROW(StreamServerUnderTest server(directory / "socket", {.allow_reuse_port = true}),
                      std::invalid_argument);
    BOOST_TEST(!std::filesystem::exists(directory / "socket"));
}

BOOST_AUTO_TEST_CASE(a_datagram_client_without_a_name_costs_one_request_and_one_message) {
    const TemporaryDirectory directory;
    std::string logged;
    UnixDatagramServer<TimeDatagramHandler> server(
        directory / "socket", {.logger = [&](Severity, std::string_view message) { logged += message; }});
    DatagramClient nameless(directory / "socket", DatagramClient::Name::none);
    nameless.send("hello");
    server.handle_request();
    BOOST_TEST(logged.find("request from (unnamed): ") == 0U);
    BOOST_TEST(server.statistics().failed == 1U);
    DatagramClient client(directory / "socket");
    client.send("hello");
    server.handle_request();
    BOOST_TEST(client.receive().ends_with("] hello"));
}

BOOST_AUTO_TEST_CASE(its_folder_is_locked_until_the_socket_is_bound) {
    const TemporaryDirectory directory;
    UnixSocketFile file(Address::unix_path(directory / "socket"));
    BOOST_TEST(!can_be_locked(directory.path()));
    file.created();
    BOOST_TEST(can_be_locked(directory.path()));
}

BOOST_AUTO_TEST_CASE(a_child_that_is_forked_meanwhile_does_not_keep_the_folder) {
    const TemporaryDirectory directory;
    UnixSocketFile file(Address::unix_path(directory / "socket"));
    auto [here, there] = socketpair();
    const pid_t child = ::fork();
    BOOST_TEST_REQUIRE(child >= 0);
    if (child == 0) {
        here.close();
        ::_exit(there.recv(1).empty() ? 0 : 1);
    }
    file.created();
    BOOST_TEST(can_be_locked(directory.path()));
    here.close();
    there.close();
    int status = -1;
    BOOST_TEST(::waitpid(child, &status, 0) == child);
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(who_cannot_bind_does_not_keep_the_folder) {
    const TemporaryDirectory directory;
    std::ofstream(directory / "file") << "precious";
    StreamServerUnderTest server(directory / "file", {.bind_and_activate = false});
    BOOST_CHECK_EXCEPTION(server.server_bind(), system_error, address_in_use);
    BOOST_TEST(can_be_locked(directory.path()));
}

BOOST_AUTO_TEST_CASE(who_does_not_get_the_folder_removes_nothing) {
    const TemporaryDirectory directory;
    leave_stale_file(directory / "socket", SOCK_STREAM);
    const UniqueFd other(::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    BOOST_TEST_REQUIRE(::flock(other.get(), LOCK_EX) == 0);
    // A cut ends the wait for the lock as its deadline does.
    Wakeup cut;
    cut.notify();
    PollWaiter waiter(cut);
    const ScopedWaiter installed(waiter);
    const UnixSocketFile file(Address::unix_path(directory / "socket"));
    BOOST_TEST(std::filesystem::exists(directory / "socket"));
}

BOOST_AUTO_TEST_CASE(the_lock_of_its_folder_takes_no_standard_stream_s_place) {
    const TemporaryDirectory directory;
    const int status = in_child([&] {
        for (const int fd : {0, 1, 2})
            ::close(fd);
        const UnixSocketFile file(Address::unix_path(directory / "socket"));
        return !can_be_locked(directory.path()) && !is_open(0) && !is_open(1) && !is_open(2) ? 0 : 1;
    });
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(a_file_that_was_never_made_is_not_removed) {
    const TemporaryDirectory directory;
    std::ofstream(directory / "file") << "precious";
    { const UnixSocketFile file(Address::unix_path(directory / "file")); }
    BOOST_TEST(std::filesystem::exists(directory / "file"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
