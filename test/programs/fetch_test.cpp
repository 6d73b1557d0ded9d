/// \file
/// fetch: its command line, files, gopher servers, and where it puts a document.

#include "fetched.hpp"
#include "program.hpp"
#include "scripted_server.hpp"

#include <support/case_guard.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace socketserver::test {

namespace {

namespace fs = std::filesystem;

void check_usage_error(const std::vector<std::string>& arguments, const std::string& message) {
    const Outcome outcome = run_fetch(arguments);
    BOOST_TEST(outcome.error ==
               "fetch: " + message + "\nusage: fetch [OPTION]... URL [FILE]; fetch --help lists the options\n");
    BOOST_TEST(outcome.output == "");
    BOOST_TEST(outcome.status == 2);
}

/// A gopher server with one document.
class GopherServer {
public:
    explicit GopherServer(const std::string& document, bool stays = false)
        : server_([=, this](Client& client, int) {
              server_.keep(client.read_line());
              client.send(document);
              if (stays)
                  static_cast<void>(client.read_all());
          }) {}
    [[nodiscard]] std::string url(const std::string& path) const { return "gopher://" + server_.address() + path; }
    [[nodiscard]] std::string address() const { return server_.address(); }
    /// What it was asked for last.
    [[nodiscard]] std::string request() const { return server_.requests().back(); }

private:
    ScriptedServer server_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(fetch, CaseGuard)

BOOST_AUTO_TEST_CASE(a_bad_command_line_exits_2_with_the_usage) {
    check_usage_error({}, "URL is missing: http://HOST[:PORT]/PATH, gopher://HOST[:PORT]/TSELECTOR or file:///PATH");
    check_usage_error({"--bogus"}, "unrecognised option '--bogus'");
    check_usage_error({"--%canonical_option%"}, "unrecognised option '--%canonical_option%'");
    check_usage_error({"http://a", "b", "c"}, "unexpected argument 'c'");
    check_usage_error({"www.example.org"},
                      "'www.example.org' is no URL: it does not begin with a scheme such as http://");
    check_usage_error({"http://a:b/"}, "'http://a:b/' is no URL: 'b' is not a port: a number from 1 to 65535");
    check_usage_error({"https://example.org/"}, "https is not supported, only http, gopher and file");
    check_usage_error({"ftp://example.org/"}, "ftp is not supported, only http, gopher and file");
    check_usage_error({"file://elsewhere/x"},
                      "'file://elsewhere/x' is no URL: a file is on this machine, not on elsewhere");
    check_usage_error({"file:///a%00b"}, "'file:///a%00b' is no URL: it names no file");
    check_usage_error({"gopher://a/0x%0ay"}, "'gopher://a/0x%0ay' is no URL: the selector holds control characters");
    check_usage_error({"http://a", ""}, "FILE: the name is empty");
    for (const std::string seconds : {"x", "-1", "1s", "", "nan", "1e10"})
        check_usage_error({"--timeout=" + seconds, "http://a"},
                          "--timeout: '" + seconds + "' is not a number of seconds from 0 to 1000000000");
}

BOOST_AUTO_TEST_CASE(help_and_version) {
    const Outcome help = run_fetch({"--help"});
    BOOST_TEST(help.status == 0);
    BOOST_TEST(help.error == "");
    BOOST_TEST(help.output.starts_with("usage: fetch [OPTION]... URL [FILE]\n"));
    check_printed({"--version"}, "fetch (socketserver " SOCKETSERVER_VERSION ")\n");
}

BOOST_AUTO_TEST_CASE(nobody_there_is_one_line) {
    check_failure({"http://127.0.0.1:1/"}, "connect to 127.0.0.1:1: Connection refused");
    check_failure({"gopher://127.0.0.1:1/"}, "connect to 127.0.0.1:1: Connection refused");
    for (const std::string url : {"http://name.invalid/", "gopher://name.invalid/"}) {
        const Outcome unknown = run_fetch({url});
        BOOST_TEST(unknown.status == 1);
        BOOST_TEST(unknown.error.starts_with("fetch: "));
        BOOST_TEST(unknown.error.find("name.invalid") != std::string::npos);
        BOOST_TEST(std::count(unknown.error.begin(), unknown.error.end(), '\n') == 1);
    }
}

BOOST_AUTO_TEST_CASE(a_file_is_copied) {
    const TemporaryDirectory folder;
    const std::string bytes = std::string("\0\xff", 2) + std::string(200'000, 'x');
    write_file(folder / "a file", bytes);
    const std::string url = "file://" + folder.path().string() + "/a%20file";
    check_printed({url}, bytes);
    check_printed({url, folder / "copy"}, "");
    BOOST_TEST((contents(folder / "copy") == bytes));
    // Over itself, too.
    check_printed({"file://" + (folder / "copy").string(), folder / "copy"}, "");
    BOOST_TEST((contents(folder / "copy") == bytes));
    const std::string none = folder / "none";
    check_failure({"file://" + none}, "cannot read " + none + ": No such file or directory");
    check_failure({"file://" + folder.path().string()}, "cannot read " + folder.path().string() + ": Is a directory");
}

BOOST_AUTO_TEST_CASE(a_file_that_changes_while_it_is_read_is_an_error) {
    const TemporaryDirectory folder;
    const fs::path source = folder / "source";
    const std::string old(8'388'608, 'x');
    const auto changed = [&](const std::function<void()>& change) {
        write_file(source, old);
        fs::last_write_time(source, fs::file_time_type::clock::now() - std::chrono::hours{1});
        Program fetch({"fetch", "file://" + source.string()});
        const std::string begin = fetch.read_output(1);
        change();
        std::string all = begin + fetch.output();
        return Outcome{fetch.wait(), std::move(all), fetch.error()};
    };
    const std::string error = "fetch: cannot read " + source.string() + ": it changed while it was read\n";
    for (const std::function<void()>& change :
         {std::function<void()>([&] { fs::resize_file(source, 1'000); }), {[&] { write_file(source, ""); }}}) {
        const Outcome outcome = changed(change);
        BOOST_TEST(outcome.status == 1);
        BOOST_TEST(outcome.error == error);
    }
    for (const std::function<void()>& change :
         {std::function<void()>([&] { std::ofstream(source, std::ios::app) << "more"; }),
          {[&] { fs::remove(source); }}}) {
        const Outcome outcome = changed(change);
        BOOST_TEST(outcome.status == 0);
        BOOST_TEST((outcome.output == old));
    }
    // Those of the kernel do not say how long they are.
    BOOST_TEST(run({"fetch", "file:///proc/self/status"}).output.starts_with("Name:\tfetch\n"));
    check_printed({"file:///dev/null"}, "");
}

BOOST_AUTO_TEST_CASE(a_file_takes_its_place_as_one) {
    const TemporaryDirectory folder;
    write_file(folder / "source", "new");
    const std::string url = "file://" + (folder / "source").string();
    // Permissions and symbolic links stay.
    write_file(folder / "old", "old");
    fs::permissions(folder / "old", fs::perms::owner_all | fs::perms::group_read);
    fs::create_symlink("old", folder / "link");
    check_printed({url, folder / "link"}, "");
    BOOST_TEST(contents(folder / "old") == "new");
    BOOST_TEST(fs::is_symlink(folder / "link"));
    BOOST_TEST((fs::status(folder / "old").permissions() == (fs::perms::owner_all | fs::perms::group_read)));
    // In the current folder, with a name as long as there can be.
    const std::string longest(255, 'x');
    const Outcome outcome =
        run({"sh", "-c", "cd \"$0\" && umask 027 && exec \"$@\"", folder.path(), program_path("fetch"), url, longest});
    BOOST_TEST(outcome.error == "");
    BOOST_TEST(outcome.status == 0);
    BOOST_TEST(contents(folder / longest) == "new");
    BOOST_TEST((fs::status(folder / longest).permissions() ==
                (fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read)));
    BOOST_TEST(names_in(folder.path()) == "link\nold\nsource\n" + longest + "\n");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_one_line) {
    const TemporaryDirectory folder;
    write_file(folder / "source", std::string(100'000, 'x'));
    const std::string url = "file://" + (folder / "source").string();
    const std::string nowhere = folder / "none/file";
    check_failure({url, nowhere}, "cannot write " + nowhere + ": No such file or directory");
    check_failure({url, folder.path()}, "cannot write " + folder.path().string() + ": Is a directory");
    check_failure({url, "/dev/full"}, "cannot write /dev/full: No space left on device");
    const std::string file = folder / "file";
    const Outcome too_big = run({"sh", "-c", "ulimit -f 8 && exec \"$@\"", "sh", program_path("fetch"), url, file});
    BOOST_TEST(too_big.error == "fetch: cannot write " + file + ": File too large\n");
    BOOST_TEST(too_big.status == 1);
    const Outcome full = run({"sh", "-c", "exec \"$@\" >/dev/full", "sh", program_path("fetch"), url});
    BOOST_TEST(full.error == "fetch: cannot write standard output: No space left on device\n");
    BOOST_TEST(full.status == 1);
    BOOST_TEST(names_in(folder.path()) == "source\n");
}

BOOST_AUTO_TEST_CASE(a_gopher_text_comes_without_its_dots) {
    const std::string sent = "one\r\n..two\r\n.\r\n";
    for (const bool stays : {false, true}) {
        const GopherServer server(sent, stays);
        check_printed({server.url("/0/about.txt")}, "one\n.two\n");
        BOOST_TEST(server.request() == "/about.txt\r\n");
        check_printed({server.url("")}, "one\n.two\n");
        BOOST_TEST(server.request() == "\r\n");
        check_printed({server.url("/7/find%09a%20word")}, "one\n.two\n");
        BOOST_TEST(server.request() == "/find\ta word\r\n");
    }
    const GopherServer binary(sent);
    check_printed({binary.url("/9/x")}, sent);
    const TemporaryDirectory folder;
    check_printed({binary.url("/0/x"), folder / "file"}, "");
    BOOST_TEST(contents(folder / "file") == "one\n.two\n");
}

BOOST_AUTO_TEST_CASE(a_big_gopher_document_is_whole) {
    std::string sent;
    std::string text;
    for (int i = 0; i < 20'000; ++i) {
        sent += "line " + std::to_string(i) + "\r\n";
        text += "line " + std::to_string(i) + "\n";
    }
    const GopherServer server(sent + ".\r\n");
    BOOST_TEST((run_fetch({server.url("/0/x")}).output == text));
    BOOST_TEST((run_fetch({server.url("/9/x")}).output == sent + ".\r\n"));
}

BOOST_AUTO_TEST_CASE(gophers_failures_are_one_line) {
    const TemporaryDirectory folder;
    const std::string file = folder / "file";
    const GopherServer error("3there is no '\x1b[2Jx'\t\terror.host\t1\r\n.\r\n");
    for (const std::string path : {"/0/x", "/1/x", "/9/x"})
        check_failure({error.url(path), file}, "the server says: there is no '\\x1b[2Jx'");
    const GopherServer cut("one\r\ntwo");
    check_failure({cut.url("/0/x"), file},
                  "the document of " + cut.address() + " breaks off: its last line, a dot, is missing");
    const GopherServer nothing("");
    check_failure({nothing.url("/9/x"), file}, nothing.address() + " closed the connection without a document");
    BOOST_TEST(names_in(folder.path()) == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
