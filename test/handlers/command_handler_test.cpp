#include "support/case_guard.hpp"
#include "support/clients.hpp"
#include "support/eventually.hpp"
#include "support/served.hpp"
#include "support/temporary_directory.hpp"

#include <socketserver/concurrency/selecting.hpp>
#include <socketserver/handlers/command_handler.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

namespace socketserver::test {

namespace {

using namespace std::chrono_literals;

/// Whether a command has been started and is known by a descriptor: until then its end could not be waited for.
bool holds_a_process() {
    const auto held = CaseGuard::Holdings::now().descriptors;
    return std::any_of(held.begin(), held.end(),
                       [](const auto& each) { return each.second.find("pidfd") != std::string::npos; });
}

/// The next reply: its head without the length, then the output.
std::string reply(Client& client) {
    std::string head = client.read_line();
    const auto parsed = parse_command_reply(head);
    if (!parsed)
        return "no reply: " + head;
    return head.substr(0, head.find(' ')) + ": " + client.read_exactly(parsed->length);
}

std::string answer(Client& client, const std::string& command) {
    client.send(command + '\n');
    return reply(client);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(command_handler, CaseGuard)

BOOST_AUTO_TEST_CASE(each_line_is_run_and_answered) {
    const Served<CommandHandler> served({}, CommandOptions{});
    Client client = served.connect();
    BOOST_TEST(answer(client, "echo one; echo two >&2") == "0: one\ntwo\n");
    BOOST_TEST(answer(client, "printf 'no line end'; exit 7") == "7: no line end");
    BOOST_TEST(answer(client, "") == "0: ");
    BOOST_TEST(answer(client, "echo 'the line end of telnet'\r") == "0: the line end of telnet\n");
    BOOST_TEST(answer(client, "cat; cd /nowhere/none 2>/dev/null") != "0: ");
    client.send("echo three\necho four\n");
    BOOST_TEST(reply(client) == "0: three\n");
    BOOST_TEST(reply(client) == "0: four\n");
    client.half_close();
    BOOST_TEST(client.read_all() == "");
}

BOOST_AUTO_TEST_CASE(output_is_bytes) {
    const Served<CommandHandler> served({}, CommandOptions{});
    Client client = served.connect();
    BOOST_TEST((answer(client, "printf 'a\\000\\377\\r\\n'") == std::string("0: a\0\xff\r\n", 8)));
}

BOOST_AUTO_TEST_CASE(a_signal_is_told_as_shells_tell_it) {
    const Served<CommandHandler> served({}, CommandOptions{});
    Client client = served.connect();
    BOOST_TEST(answer(client, "kill -TERM $$") == "143: ");
    BOOST_TEST(answer(client, "kill -PIPE $$") == "141: ");
}

BOOST_AUTO_TEST_CASE(an_end_that_nobody_knows_of_is_no_success) {
    const TemporaryDirectory folder;
    const std::string path = folder / "fifo";
    BOOST_TEST_REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const Served<CommandHandler> served({}, CommandOptions{});
    Client client = served.connect();
    client.send("cat " + path + "; exit 3\n");
    std::ofstream fifo(path);  // which the command has opened by now
    BOOST_TEST(eventually(holds_a_process));
    const auto former = std::signal(SIGCHLD, SIG_IGN);
    fifo.close();
    BOOST_TEST(reply(client) == "error: how the command ended is not known\n");
    std::signal(SIGCHLD, former);
    BOOST_TEST(answer(client, "exit 3") == "3: ");
}

BOOST_AUTO_TEST_CASE(a_command_is_killed_when_its_time_is_over) {
    const Served<CommandHandler> served({}, CommandOptions{.time_limit = 200ms});
    Client client = served.connect();
    BOOST_TEST(answer(client, "trap '' TERM INT HUP; echo begun; sleep 1000; echo never") == "timeout: begun\n");
    // The shell has ended, but not all that has its output.
    BOOST_TEST(answer(client, "echo begun; sleep 1000 &") == "timeout: begun\n");
    // The output has ended, but not the shell.
    BOOST_TEST(answer(client, "exec >&- 2>&-; sleep 1000") == "timeout: ");
    BOOST_TEST(answer(client, "echo alive") == "0: alive\n");
}

BOOST_AUTO_TEST_CASE(a_command_without_a_time_limit_is_let_run) {
    const Served<CommandHandler> served({}, CommandOptions{.time_limit = 0ns});
    Client client = served.connect();
    BOOST_TEST(answer(client, "sleep 0.01; echo done") == "0: done\n");
}

BOOST_AUTO_TEST_CASE(what_is_left_in_the_background_ends_with_its_command) {
    const Served<CommandHandler> served({}, CommandOptions{});
    Client client = served.connect();
    // Its output is not ours: the command ends without it, and it is killed then.
    BOOST_TEST(answer(client, "sleep 1000 >/dev/null 2>&1 & echo $$").starts_with("0: "));
}

BOOST_AUTO_TEST_CASE(a_command_is_killed_when_it_has_written_too_much) {
    const Served<CommandHandler> served({}, CommandOptions{.output_limit = 100'000});
    Client client = served.connect();
    BOOST_TEST((answer(client, "yes") == "truncated: " + [] {
        std::string text;
        while (text.size() < 100'000)
            text += "y\n";
        return text;
    }()));
    // As much as that and not more is not too much.
    BOOST_TEST(answer(client, "head -c 100000 /dev/zero; exit 5").starts_with("5: "));
    BOOST_TEST(answer(client, "head -c 100001 /dev/zero; exit 5").starts_with("truncated: "));
    BOOST_TEST(answer(client, "echo alive") == "0: alive\n");
}

BOOST_AUTO_TEST_CASE(a_command_may_be_allowed_to_write_nothing) {
    const Served<CommandHandler> served({}, CommandOptions{.output_limit = 0});
    Client client = served.connect();
    BOOST_TEST(answer(client, "true") == "0: ");
    BOOST_TEST(answer(client, "echo") == "truncated: ");
}

BOOST_AUTO_TEST_CASE(a_line_that_is_none_is_not_run) {
    const TemporaryDirectory folder;
    const std::string mark = folder / "mark";
    const Served<CommandHandler> served({}, CommandOptions{});
    Client cut = served.connect();
    cut.send("touch " + mark);
    cut.half_close();
    BOOST_TEST(reply(cut) == "error: the line has no end: not run\n");
    BOOST_TEST(cut.read_all() == "");
    Client binary = served.connect();
    binary.send("touch " + mark + std::string("\0\n", 2) + "touch " + mark + '\n');
    BOOST_TEST(reply(binary) == "error: the line holds a NUL: not run\n");
    binary.half_close();
    BOOST_TEST(binary.read_all() == "");
    BOOST_TEST(!std::filesystem::exists(mark));
}

BOOST_AUTO_TEST_CASE(a_line_that_does_not_end_is_given_up) {
    const Served<CommandHandler> served({}, CommandOptions{});
    Client client = served.connect();
    client.send(std::string(200'000, 'x'));
    BOOST_TEST(reply(client) == "error: the line is longer than 65536 bytes: not run\n");
    client.half_close();
    BOOST_TEST(client.read_all() == "");
    // As long as can be is not too long.
    Client other = served.connect();
    const std::string start = "echo done #";
    BOOST_TEST(answer(other, start + std::string(65'536 - start.size(), 'x')) == "0: done\n");
}

BOOST_AUTO_TEST_CASE(http_is_recognised) {
    for (const std::string line :
         {"GET / HTTP/1.1", "POST /run HTTP/1.0", "HEAD x", "PUT x", "DELETE x", "OPTIONS *", "PATCH x", "CONNECT a:1",
          "TRACE /", "PRI * HTTP/2.0", "BREW /pot HTTP/1.1", "x HTTP/3 ; echo"})
        BOOST_TEST(looks_like_http(line), line);
    for (const std::string line :
         {"", "GET", "get /", "GETTER x", "echo GET / ", "echo HTTP/", "echo 'x HTTP/x'", "ls POST", "cat x.HTTP/1.1"})
        BOOST_TEST(!looks_like_http(line), line);
}

BOOST_AUTO_TEST_CASE(http_is_not_answered_and_runs_nothing) {
    const TemporaryDirectory folder;
    const std::string mark = folder / "mark";
    const Served<CommandHandler> served({.logger = [](Severity, std::string_view) {}}, CommandOptions{});
    Client client = served.connect();
    client.send("POST / HTTP/1.1\r\nContent-Type: text/plain\r\n\r\ntouch " + mark + "\r\n");
    client.half_close();
    BOOST_TEST(client.read_all() == "");
    BOOST_TEST(!std::filesystem::exists(mark));
}

BOOST_AUTO_TEST_CASE(it_listens_where_only_this_machine_can_connect) {
    const CommandOptions options;
    for (const Address& address : {Address("127.0.0.1", 1), Address("127.1.2.3", 1), Address("::1", 1),
                                   Address::unix_path("/run/x"), Address::unix_path("@x")})
        BOOST_TEST(options.objection(address) == "", address);
    for (const Address& address : {Address("", 1), Address("0.0.0.0", 1), Address("::", 1), Address("192.0.2.1", 1)}) {
        BOOST_TEST(options.objection(address).find("--allow-remote") != std::string::npos, address);
        BOOST_TEST(CommandOptions{.allow_remote = true}.objection(address) == "", address);
    }
}

BOOST_AUTO_TEST_CASE(under_selecting_a_running_command_holds_up_nobody) {
    const TemporaryDirectory folder;
    const std::string fifo = folder / "fifo";
    BOOST_REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    const Served<CommandHandler, Selecting> served({}, CommandOptions{.time_limit = 0ns});
    Client waiting = served.connect();
    waiting.send("read line <" + fifo + "; echo $line\n");
    Client other = served.connect();
    BOOST_TEST(answer(other, "echo served") == "0: served\n");
    BOOST_TEST(answer(other, "echo go >" + fifo) == "0: ");
    BOOST_TEST(reply(waiting) == "0: go\n");
}

BOOST_AUTO_TEST_CASE(no_more_commands_run_than_may) {
    const TemporaryDirectory folder;
    const std::string fifo = folder / "fifo";
    BOOST_REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    const auto begun = [&folder](const std::string& which) { return (folder / which).string(); };
    const Served<CommandHandler, Selecting> served({}, CommandOptions{.time_limit = 0ns, .max_commands = 2});
    Client one = served.connect();
    Client two = served.connect();
    Client three = served.connect();
    // Opens the pipe in both directions, so that it does not wait, and none of the others misses its line.
    const detail::ClientSocket lines(::open(fifo.c_str(), O_RDWR | O_CLOEXEC));
    one.send("echo 1; touch " + begun("1") + "; read line <" + fifo + "\n");
    two.send("echo 2; touch " + begun("2") + "; read line <" + fifo + "\n");
    BOOST_REQUIRE(
        eventually([&] { return std::filesystem::exists(begun("1")) && std::filesystem::exists(begun("2")); }));
    three.send("echo 3\n");
    BOOST_TEST(three.nothing_within(50ms));
    BOOST_REQUIRE(::write(lines.get(), "\n", 1) == 1);
    BOOST_TEST(reply(three) == "0: 3\n");
    BOOST_REQUIRE(::write(lines.get(), "\n", 1) == 1);
    BOOST_TEST(reply(one) == "0: 1\n");
    BOOST_TEST(reply(two) == "0: 2\n");
}

BOOST_AUTO_TEST_CASE(a_cut_ends_the_command_and_those_that_wait) {
    std::optional<Client> running;
    std::optional<Client> waiting;
    {
        const Served<CommandHandler, Selecting> served({.drain = 0s},
                                                       CommandOptions{.time_limit = 0ns, .max_commands = 1});
        running.emplace(served.connect());
        BOOST_TEST(answer(*running, "echo alive") == "0: alive\n");
        running->send("sleep 1000\n");
        waiting.emplace(served.connect());
        waiting->send("sleep 1000\n");
    }
    BOOST_TEST(running->read_all() == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
