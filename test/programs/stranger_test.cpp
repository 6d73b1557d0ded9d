/// \file
/// What clients print of what servers send: errors are safe to print, documents are on a terminal.

#include "program.hpp"
#include "scripted_server.hpp"

#include <support/case_guard.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

namespace socketserver::test {

namespace {

const std::string nasty = "a\x1b]0;x\x07\x9b\xc2\x9b\x7f gr\xc3\xbcn";
const std::string safe = "a\\x1b]0;x\\x07\\x9b\\xc2\\x9b\\x7f gr\xc3\xbcn";

/// Answers the first line with a text.
class Answering {
public:
    explicit Answering(const std::string& answer)
        : server_([answer](Client& client, int) {
              static_cast<void>(client.read_line());
              client.send(answer);
              client.half_close();
              static_cast<void>(client.read_all());
          }) {}

    [[nodiscard]] std::string port() const { return server_.address().substr(server_.address().find(':') + 1); }
    [[nodiscard]] std::string address() const { return server_.address(); }

private:
    ScriptedServer server_;
};

/// What a shell command prints on a terminal; script(1) gives it one. Lines end with CR LF there.
std::string on_terminal(const std::string& command) {
    return run({"script", "--quiet", "--return", "--command", command, "/dev/null"}).output;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(strangers, CaseGuard)

BOOST_AUTO_TEST_CASE(errors_are_safe_to_print) {
    const Answering gopher("3" + nasty + "\t\terror.host\t1\r\n.\r\n");
    const std::string error = ": the server says: " + safe + "\n";
    BOOST_TEST(run({"gopher_client", "127.0.0.1", "x", gopher.port()}).error == "gopher_client" + error);
    BOOST_TEST(run({"fetch", "gopher://" + gopher.address() + "/0x"}).error == "fetch" + error);
    const Answering http("HTTP/1.1 404 Gr\xfc\x9bn \xc2\x9b\r\nContent-Length: 0\r\n\r\n");
    BOOST_TEST(run({"fetch", "http://" + http.address() + "/"}).error.find_first_of("\x9b\xfc") == std::string::npos);
    const Answering command("error " + std::to_string(nasty.size() + 1) + "\n" + nasty + "\n");
    BOOST_TEST(run({"command_client", "127.0.0.1", command.port()}, "x\n").error == "command_client: " + safe + "\n");
    // An argument is a stranger's, too, where a program is called by another one.
    BOOST_TEST(run({"gopher_client", "--" + nasty})
                   .error.starts_with("gopher_client: unrecognised option '--" + safe + "'\n"));
    BOOST_TEST(run({"echo_server", "--host", nasty}).error.starts_with("echo_server: cannot listen on " + safe + ":"));
    BOOST_TEST(
        run({"echo_server", "--" + nasty}).error.starts_with("echo_server: unrecognised option '--" + safe + "'\n"));
}

BOOST_AUTO_TEST_CASE(a_document_is_printed_as_it_is_where_nobody_looks_at_it) {
    const Answering gopher(nasty + "\r\n.\r\n");
    BOOST_TEST(run({"gopher_client", "127.0.0.1", "x", gopher.port()}).output == nasty + "\n");
    BOOST_TEST(run({"fetch", "gopher://" + gopher.address() + "/0x"}).output == nasty + "\n");
    const Answering line(nasty + "\n");
    BOOST_TEST(run({"time_client", "127.0.0.1", line.port()}, "x\n").output == nasty + "\n");
    const Answering command("0 " + std::to_string(nasty.size()) + "\n" + nasty);
    BOOST_TEST(run({"command_client", "127.0.0.1", command.port()}, "x\n").output == nasty);
}

BOOST_AUTO_TEST_CASE(a_document_is_safe_on_a_terminal) {
    const Answering gopher(nasty + "\r\n\tb\r\n.\r\n");
    BOOST_TEST(on_terminal(program_path("gopher_client") + " 127.0.0.1 x " + gopher.port()) == safe + "\r\n\tb\r\n");
    BOOST_TEST(on_terminal(program_path("fetch") + " gopher://" + gopher.address() + "/0x") == safe + "\r\n\tb\r\n");
    // Whoever asks for what comes as it comes gets it.
    BOOST_TEST(on_terminal(program_path("gopher_client") + " --raw 127.0.0.1 x " + gopher.port()).starts_with(nasty));
    const Answering line(nasty + "\n");
    BOOST_TEST(on_terminal("echo x | " + program_path("time_client") + " 127.0.0.1 " + line.port()) == safe + "\r\n");
    const Answering http("HTTP/1.1 200 OK\r\nX: \x9b\r\nContent-Length: " + std::to_string(nasty.size()) + "\r\n\r\n" +
                         nasty);
    BOOST_TEST(on_terminal(program_path("fetch") + " http://" + http.address() + "/") == safe);
    BOOST_TEST(on_terminal(program_path("fetch") + " http://" + http.address() + "/ /dev/null").find("X: \\x9b\r\n") !=
               std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
