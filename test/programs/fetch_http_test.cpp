/// \file
/// fetch by HTTP, against servers that keep to the rules and servers that do not.

#include "fetched.hpp"
#include "program.hpp"
#include "scripted_server.hpp"

#include <support/case_guard.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <signal.h>
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <string>
#include <string_view>
#include <vector>

namespace socketserver::test {

namespace {

std::string reply(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string redirection(const std::string& location) {
    return "HTTP/1.1 302 Found\r\nLocation: " + location + "\r\nContent-Length: 4\r\n\r\ngone";
}

/// Checks what comes of a reply that is not one.
void check_broken(const std::string& reply, const std::string& message) {
    ScriptedServer server(reply);
    check_failure({server.url()}, in_place_of(message, "SERVER", server.address()));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(fetch_http, CaseGuard)

BOOST_AUTO_TEST_CASE(it_prints_the_body) {
    ScriptedServer server(reply("some\nbytes\n"));
    check_printed({server.url("/a%20b?c=d#part")}, "some\nbytes\n");
    const std::string request = server.requests().at(0);
    BOOST_TEST(request.starts_with("GET /a%20b?c=d HTTP/1.1\r\n"));
    BOOST_TEST(request.find("\r\nHost: " + server.address() + "\r\n") != std::string::npos);
    BOOST_TEST(request.find("\r\nConnection: close\r\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(every_way_to_end_a_body_is_understood_byte_by_byte_too) {
    const std::vector<std::string> replies{
        reply("hello"),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nA: b\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nhello",
        "HTTP/1.1 100 Continue\r\n\r\n" + reply("hello"),
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + reply("hello"),
    };
    for (const std::string& whole : replies) {
        BOOST_TEST_CONTEXT(whole) {
            ScriptedServer at_once(whole);
            check_printed({at_once.url()}, "hello");
            ScriptedServer slowly([&](Client& client, int) {
                static_cast<void>(slowly.read_request(client));
                for (const char byte : whole)
                    client.send({&byte, 1});
            });
            check_printed({slowly.url()}, "hello");
        }
    }
    ScriptedServer empty("HTTP/1.1 204 No Content\r\n\r\n");
    check_printed({empty.url()}, "");
}

BOOST_AUTO_TEST_CASE(what_has_come_is_printed_while_more_is_to_come) {
    std::promise<void> printed;
    ScriptedServer server([&](Client& client, int) {
        static_cast<void>(server.read_request(client));
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nfirst\n");
        printed.get_future().wait();
        client.send("second");
    });
    Program program({"fetch", server.url()});
    BOOST_TEST(program.output_line() == "first\n");
    printed.set_value();
    BOOST_TEST(program.output() == "second");
    BOOST_TEST(program.error() == "");
    BOOST_TEST(program.wait() == 0);
}

BOOST_AUTO_TEST_CASE(it_stores_the_body_and_prints_the_header) {
    const TemporaryDirectory folder;
    const std::string body = std::string("\0\xff\r\n", 4) + std::string(300'000, 'x');
    ScriptedServer server("HTTP/1.1 200 Fine\r\nContent-Length: " + std::to_string(body.size()) +
                          "\r\nX-Some: thing\r\n\r\n" + body);
    check_printed({server.url(), folder / "file"}, "HTTP/1.1 200 Fine\nContent-Length: 300004\nX-Some: thing\n");
    BOOST_TEST((contents(folder / "file") == body));
    BOOST_TEST(names_in(folder.path()) == "file\n");
}

BOOST_AUTO_TEST_CASE(redirections_are_followed) {
    ScriptedServer server([&](Client& client, int) {
        const std::string line = server.read_request(client);
        if (line == "GET /a/b HTTP/1.1")
            client.send(redirection("c?d"));
        else if (line == "GET /a/c?d HTTP/1.1")
            client.send(redirection(server.url("/e#part")));
        else if (line == "GET /e HTTP/1.1")
            client.send(reply("there"));
    });
    check_printed({server.url("/a/b")}, "there");
}

BOOST_AUTO_TEST_CASE(ten_redirections_are_followed_and_no_more) {
    const auto after = [](int redirections) {
        return [=](Client& client, int number) {
            client.send(number < redirections ? redirection("/" + std::to_string(number + 1)) : reply("there"));
            // Not to be reset while the request is unread.
            static_cast<void>(client.read_all());
        };
    };
    ScriptedServer ten(after(10));
    check_printed({ten.url()}, "there");
    ScriptedServer endless(after(100));
    const TemporaryDirectory folder;
    check_failure({endless.url(), folder / "file"}, "redirected more than 10 times, now to /11");
    BOOST_TEST(names_in(folder.path()) == "");
}

BOOST_AUTO_TEST_CASE(redirections_elsewhere_are_not_followed) {
    const auto check = [](const std::string& location, const std::string& message) {
        ScriptedServer server(redirection(location));
        check_failure({server.url()}, message);
    };
    check("https://localhost/x", "redirected to https://localhost/x: https is not supported");
    check("file:///etc/passwd", "redirected to file:///etc/passwd: file is not followed");
    check("gopher://localhost/", "redirected to gopher://localhost/: gopher is not followed");
    check("http://", "redirected to 'http://', which is no URL: the host is missing: it should begin with http://HOST");
    ScriptedServer nowhere("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n");
    check_failure({nowhere.url()}, "HTTP/1.1 302 Found");
}

BOOST_AUTO_TEST_CASE(a_status_of_failure_is_told) {
    const TemporaryDirectory folder;
    write_file(folder / "file", "old");
    ScriptedServer server("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope");
    check_failure({server.url()}, "HTTP/1.1 404 Not Found");
    check_failure({server.url(), folder / "file"}, "HTTP/1.1 404 Not Found");
    BOOST_TEST(contents(folder / "file") == "old");
    BOOST_TEST(names_in(folder.path()) == "file\n");
}

BOOST_AUTO_TEST_CASE(a_reply_that_breaks_off_leaves_no_file) {
    const TemporaryDirectory folder;
    write_file(folder / "old", "old");
    ScriptedServer server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
    const std::string message = "the reply of " + server.address() + " breaks off after 5 of 100 bytes";
    check_failure({server.url(), folder / "new"}, message);
    check_failure({server.url(), folder / "old"}, message);
    BOOST_TEST(names_in(folder.path()) == "old\n");
    BOOST_TEST(contents(folder / "old") == "old");
    const Outcome printed = run({"fetch", server.url()});
    BOOST_TEST(printed.status == 1);
    BOOST_TEST(printed.output == "hello");
    BOOST_TEST(printed.error == "fetch: " + message + "\n");
    ScriptedServer chunked("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nwo");
    check_failure({chunked.url(), folder / "new"}, "the reply of " + chunked.address() + " breaks off after 7 bytes");
    ScriptedServer reset([&](Client& client, int) {
        static_cast<void>(reset.read_request(client));
        client.send("HTTP/1.1 200 OK\r\n\r\nhello");
        client.reset();
    });
    check_failure({reset.url(), folder / "new"}, reset.address() + ": Connection reset by peer");
    BOOST_TEST(names_in(folder.path()) == "old\n");
}

BOOST_AUTO_TEST_CASE(a_reply_that_is_none_is_one_line) {
    check_broken("", "SERVER closed the connection without a reply");
    check_broken("HTTP/1.1 200 OK\r\nContent-", "the reply of SERVER breaks off in its header");
    check_broken("220 mail.example.org ready\r\n", "the reply of SERVER is no HTTP: bad version");
    check_broken("HTTP/1.1 200 \x1b[2J\r\n\r\n", "the reply of SERVER is no HTTP: bad reason");
    check_broken("HTTP/1.1 302 Found\r\nLocation: /\x1b[2J\r\n\r\n", "the reply of SERVER is no HTTP: bad value");
    check_broken("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "the reply of SERVER is no HTTP: bad field");
    check_broken("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
                 "the reply of SERVER is no HTTP: bad Content-Length");
    check_broken("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
                 "the reply of SERVER is no HTTP: bad chunk");
    check_broken("HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'x'),
                 "the reply of SERVER is no HTTP: header limit exceeded");
    ScriptedServer endless([](Client& client, int) {
        for (;;)
            client.send("HTTP/1.1 100 Continue\r\n\r\n");
    });
    check_failure({endless.url()}, endless.address() + " sends interim replies without end");
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_answer_costs_the_time_out) {
    ScriptedServer silent([](Client& client, int) { static_cast<void>(client.read_all()); });
    check_failure({"--timeout", "0.2", silent.url()}, silent.address() + ": Connection timed out");
    ScriptedServer stuck([](Client& client, int) {
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
        static_cast<void>(client.read_all());
    });
    check_failure({"--timeout", "0.2", stuck.url()}, stuck.address() + ": Connection timed out");
}

BOOST_AUTO_TEST_CASE(a_body_of_any_length_takes_constant_memory) {
    const std::string piece(1U << 20U, 'x');
    std::atomic<std::uint64_t> early = 0;
    std::atomic<std::uint64_t> late = 0;
    std::atomic<pid_t> pid = 0;
    ScriptedServer server([&](Client& client, int) {
        static_cast<void>(server.read_request(client));
        client.send("HTTP/1.1 200 OK\r\n\r\n");
        for (int i = 0; i < 64; ++i) {
            client.send(piece);
            if (i == 15 && eventually([&] { return pid != 0; }))
                early = peak_memory(pid);
        }
        late = peak_memory(pid);
    });
    Program program({"fetch", server.url(), "/dev/null"});
    pid = program.pid();
    BOOST_TEST(program.output() == "HTTP/1.1 200 OK\n");
    BOOST_TEST(program.wait() == 0);
    BOOST_TEST(early > 0U);
    BOOST_TEST(late > 0U);
    BOOST_TEST(late - early < 8U << 20U);
}

// ThreadSanitizer calls handlers later than the signals come, and loses one in a thousand.
#if !defined(__SANITIZE_THREAD__)
BOOST_AUTO_TEST_CASE(an_interrupt_leaves_the_file_as_it_was) {
    const TemporaryDirectory folder;
    write_file(folder / "file", "old");
    ScriptedServer server([](Client& client, int) {
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
        static_cast<void>(client.read_all());
    });
    for (const int signal : {SIGHUP, SIGINT, SIGTERM}) {
        // They may be ignored where the tests run.
        Program program({"env", "--default-signal=HUP,INT,TERM", program_path("fetch"), server.url(), folder / "file"});
        BOOST_TEST(eventually([&] { return names_in(folder.path()).size() > std::string_view("file\n").size(); }));
        program.signal(signal);
        BOOST_TEST(program.wait() == -signal);
        BOOST_TEST(names_in(folder.path()) == "file\n");
        BOOST_TEST(contents(folder / "file") == "old");
    }
}
#endif

BOOST_AUTO_TEST_CASE(progress_is_shown_on_a_terminal) {
    const TemporaryDirectory folder;
    ScriptedServer server(reply(std::string(3'072, 'x')));
    const std::string file = folder / "file";
    // script(1) gives it a terminal.
    const Outcome outcome = run({"script", "--quiet", "--return", "--command",
                                 program_path("fetch") + " " + server.url() + " " + file, "/dev/null"});
    BOOST_TEST(outcome.status == 0);
    BOOST_TEST(outcome.output.find("\r" + file + ": 3.0 KiB of 3.0 KiB\x1b[K\r\nHTTP/1.1 200 OK\r\n") !=
               std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
