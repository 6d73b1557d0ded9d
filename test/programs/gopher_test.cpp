/// \file
/// The gopher server and client, with the clients that people use.

#include "listener.hpp"
#include "program.hpp"

#include <support/case_guard.hpp>
#include <support/children.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace socketserver::test {

namespace {

using namespace std::string_literals;

constexpr std::size_t large_size = 104'857'600;  // 100 MiB

const std::string binary = "\x00\x01\xff\n.\n"s;

/// A folder with something of each type, and a secret beside it.
class Hole {
public:
    Hole() {
        std::filesystem::create_directories(path("folder/empty"));
        write_file(place_ / "secret", "secret");
        write_file(path("about.txt"), "one\n.two\n");
        write_file(path("binary"), binary);
        write_file(path("picture.gif"), "GIF89a" + binary);
        write_file(path("picture.png"), "\x89PNG" + binary);
        write_file(path("page.html"), "<title>page</title>\n");
        write_file(path("folder/inside.txt"), "inside\n");
    }

    [[nodiscard]] std::string path(std::string_view name) const { return place_ / "hole" / name; }
    [[nodiscard]] std::string root() const { return place_ / "hole"; }
    [[nodiscard]] std::string secret() const { return place_ / "secret"; }
    [[nodiscard]] std::string socket() const { return place_ / "socket"; }

private:
    TemporaryDirectory place_;
};

/// The command of a server over a folder.
std::vector<std::string> server_of(const std::string& folder, const std::vector<std::string>& options) {
    std::vector<std::string> command{"gopher_server", folder, "--port", "0", "--quiet"};
    command.insert(command.end(), options.begin(), options.end());
    return command;
}

std::string url(const Server& server, const std::string& path) {
    return "gopher://" + server.address() + '/' + path;
}

/// What a program prints that must succeed.
std::string output_of(const std::vector<std::string>& command, std::string_view input = {}) {
    const Outcome outcome = run(command, input);
    BOOST_TEST(outcome.status == 0, command.front() << " said " << outcome.error);
    return outcome.output;
}

std::string curl(const Server& server, const std::string& path) {
    return output_of({"curl", "--silent", "--show-error", "--max-time", "20", url(server, path)});
}

std::string menu_of_root(const std::string& host, std::uint16_t port) {
    const std::string end = '\t' + host + '\t' + std::to_string(port) + "\r\n";
    return "0about.txt\tabout.txt" + end + "9binary\tbinary" + end + "1folder\tfolder" + end + "hpage.html\tpage.html" +
           end + "gpicture.gif\tpicture.gif" + end + "Ipicture.png\tpicture.png" + end + ".\r\n";
}

std::string fetch(const Server& server, std::string_view request) {
    Client client = server.connect();
    client.send(request);
    return client.read_all();
}

std::size_t peak_memory_kib(const std::string& pid) {
    std::ifstream status("/proc/" + pid + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:"))
            return std::stoul(line.substr(6));
    }
    return 0;
}

/// The peak memory of a server and of each of its children, whichever is the greatest.
std::size_t peak_memory_kib(const Server& server) {
    std::size_t most = peak_memory_kib(std::to_string(server.pid()));
    for (const pid_t child : children_of(server.pid()))
        most = std::max(most, peak_memory_kib(std::to_string(child)));
    return most;
}

/// What the client makes of a reply.
Outcome client_told(const std::string& reply, const std::vector<std::string>& options = {},
                    const std::string& selector = "x") {
    const Listener listener;
    std::vector<std::string> command{"gopher_client"};
    command.insert(command.end(), options.begin(), options.end());
    command.insert(command.end(), {"127.0.0.1", selector, listener.port()});
    Program program(command);
    Client connection = listener.accept();
    BOOST_TEST(connection.read_line() == selector + "\r\n");
    connection.send(reply);
    connection.half_close();
    std::string output = program.output();
    std::string error = program.error();
    return {program.wait(), std::move(output), std::move(error)};
}

void check(const Outcome& outcome, int status, const std::string& output, const std::string& error) {
    BOOST_TEST(outcome.status == status);
    BOOST_TEST(outcome.output == output);
    BOOST_TEST(outcome.error == error);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(gopher, CaseGuard)

BOOST_AUTO_TEST_CASE(curl_gets_every_type_in_every_mode) {
    const Hole hole;
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server(server_of(hole.root(), {"--mode", mode}));
            BOOST_TEST(curl(server, "") == menu_of_root("127.0.0.1", server.port()));
            BOOST_TEST(curl(server, "1folder").starts_with("1empty\tfolder/empty\t127.0.0.1\t"));
            BOOST_TEST(curl(server, "1folder/empty") == ".\r\n");
            BOOST_TEST(curl(server, "0about.txt") == "one\r\n..two\r\n.\r\n");
            BOOST_TEST(curl(server, "0/folder/inside.txt") == "inside\r\n.\r\n");
            BOOST_TEST(curl(server, "9binary") == binary);
            BOOST_TEST(curl(server, "gpicture.gif") == "GIF89a" + binary);
            BOOST_TEST(curl(server, "Ipicture.png") == "\x89PNG" + binary);
            BOOST_TEST(curl(server, "hpage.html") == "<title>page</title>\n");
            BOOST_TEST(curl(server, "0none") == "3'none' does not exist here\t\terror.host\t1\r\n.\r\n");
            BOOST_TEST(server.stop() == "");
        }
    }
}

BOOST_AUTO_TEST_CASE(nc_gets_documents_by_tcp_and_by_a_unix_socket) {
    const Hole hole;
    for (const std::string& mode : modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server tcp(server_of(hole.root(), {"--mode", mode}));
            BOOST_TEST(output_of({"nc", "-w", "20", "127.0.0.1", std::to_string(tcp.port())}, "about.txt\r\n") ==
                       "one\r\n..two\r\n.\r\n");
            BOOST_TEST(tcp.stop() == "");
            Server unix_socket({"gopher_server", hole.root(), "--unix", hole.socket(), "--mode", mode, "--quiet"});
            BOOST_TEST(output_of({"nc", "-w", "20", "-U", hole.socket()}, "about.txt\r\n") == "one\r\n..two\r\n.\r\n");
            // A Unix socket has no port that menus could name.
            BOOST_TEST(fetch(unix_socket, "\r\n") == menu_of_root("localhost", 70));
            BOOST_TEST(unix_socket.stop() == "");
        }
    }
}

BOOST_AUTO_TEST_CASE(lynx_shows_menus_and_documents) {
    const Hole hole;
    const Server server(server_of(hole.root(), {}));
    const auto lynx = [&](const std::string& path) {
        return output_of({"lynx", "-dump", "-nolist", url(server, path)});
    };
    const std::string menu = lynx("");
    for (const std::string item : {"(FILE) about.txt", "(BIN) binary", "(DIR) folder", "(HTML) page.html",
                                   "(IMG) picture.gif", "(IMG) picture.png"})
        BOOST_TEST(menu.find(item) != std::string::npos, "no " << item << " in " << menu);
    BOOST_TEST(lynx("1folder").find("(FILE) inside.txt") != std::string::npos);
    BOOST_TEST(lynx("0folder/inside.txt").starts_with("inside\n"));
    BOOST_TEST(lynx("hpage.html").find("title") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(menus_name_the_address_that_the_client_reached) {
    const Hole hole;
    const Server any(server_of(hole.root(), {"--host", ""}));
    Client ipv4("127.0.0.1", any.port());
    ipv4.send("\r\n");
    BOOST_TEST(ipv4.read_all() == menu_of_root("127.0.0.1", any.port()));
    if (has_ipv6()) {
        const Server ipv6(server_of(hole.root(), {"--host", "::1"}));
        BOOST_TEST(fetch(ipv6, "\r\n") == menu_of_root("::1", ipv6.port()));
    }
    const Server named(server_of(hole.root(), {"--public-host", "gopher.example", "--public-port", "70"}));
    BOOST_TEST(fetch(named, "\r\n") == menu_of_root("gopher.example", 70));
}

// A case for each mode, since each takes a second.
BOOST_DATA_TEST_CASE(a_large_file_arrives_whole_and_takes_no_memory, boost::unit_test::data::make(modes), mode) {
    constexpr std::size_t allowed_kib = 16'384;
    constexpr std::size_t last_part = 20'971'520;
    const Hole hole;
    output_of({"sh", "-c", "head -c " + std::to_string(large_size) + " /dev/urandom > " + hole.path("large")});
    const std::string hash = output_of({"sh", "-c", "sha256sum < " + hole.path("large")});
    // Few threads: what they cost in a sanitizer is no file's.
    Server server(mode == "thread-pool" ? server_of(hole.root(), {"--mode", mode, "--workers", "2"})
                                        : server_of(hole.root(), {"--mode", mode}));
    BOOST_TEST(fetch(server, "about.txt\r\n") == "one\r\n..two\r\n.\r\n");
    const std::size_t before = peak_memory_kib(server);
    Client client = server.connect();
    client.send("large\r\n");
    std::size_t received = 0;
    // A forked child's memory can be seen until it has sent all.
    while (received < large_size - last_part)
        received += client.read_some().size();
    BOOST_TEST(peak_memory_kib(server) < before + allowed_kib);
    for (std::string more = client.read_some(); !more.empty(); more = client.read_some())
        received += more.size();
    BOOST_TEST(received == large_size);
    BOOST_TEST(output_of({"sh", "-c", "curl --silent --show-error " + url(server, "9large") + " | sha256sum"}) == hash);
    BOOST_TEST(peak_memory_kib(server) < before + allowed_kib);
    BOOST_TEST(server.stop() == "");
}

BOOST_AUTO_TEST_CASE(bad_selectors_get_an_error_and_touch_nothing_outside) {
    const Hole hole;
    std::filesystem::create_symlink("../secret", hole.path("out"));
    std::filesystem::create_symlink("..", hole.path("up"));
    // Whoever opens, reads or asks for the secret is seen here.
    const detail::ClientSocket watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    BOOST_REQUIRE(::inotify_add_watch(watch.get(), hole.secret().c_str(), IN_ALL_EVENTS) >= 0);
    std::array<char, 4096> events{};
    for (const std::string& mode : modes) {
        for (const std::vector<std::string>& lookup : {std::vector<std::string>{}, {"--no-openat2"}}) {
            std::vector<std::string> command = server_of(hole.root(), {"--mode", mode});
            command.insert(command.end(), lookup.begin(), lookup.end());
            Server server(command);
            for (const std::string& selector :
                 {"../secret"s, "/../secret"s, "folder/../../secret"s, ".."s, "."s, hole.secret(), '/' + hole.secret(),
                  "/etc/passwd"s, "out"s, "up/secret"s, "about.txt\0"s, "\0"s, std::string(256, 'x'),
                  std::string(100'000, 'x'), ".hidden"s, "about.txt/"s + std::string(245, '/'), "\x1b[2J"s}) {
                const std::string reply = fetch(server, selector + "\r\n");
                BOOST_TEST(reply.starts_with("3"), selector);
                BOOST_TEST(reply.ends_with("\t\terror.host\t1\r\n.\r\n"), selector);
            }
            BOOST_TEST(server.stop() == "");
        }
    }
    BOOST_TEST(::read(watch.get(), events.data(), events.size()) < 0);
    BOOST_TEST(std::ifstream(hole.secret()).get() == 's');
    BOOST_TEST(::read(watch.get(), events.data(), events.size()) > 0);
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_read_holds_up_nobody) {
    const Hole hole;
    write_file(hole.path("large"), binary);
    std::filesystem::resize_file(hole.path("large"), large_size);
    for (const std::string& mode : concurrent_modes) {
        BOOST_TEST_CONTEXT(mode) {
            Server server({"gopher_server", hole.root(), "--mode", mode, "--port", "0", "--timeout", "5"});
            Client idle = server.connect();
            idle.send("large\r\n");
            BOOST_TEST(server.error_line() == "... connected from: " + idle.local_address() + "\n");
            BOOST_TEST(idle.read_exactly(binary.size()) == binary);
            BOOST_TEST(fetch(server, "about.txt\r\n") == "one\r\n..two\r\n.\r\n");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_bad_command_line_of_the_server_exits_2) {
    const Hole hole;
    const std::string usage = "usage: gopher_server [OPTION]... DIR; gopher_server --help lists the options\n";
    check(run({"gopher_server"}), 2, "",
          "gopher_server: DIR is missing: the folder to serve; names that begin with a dot are hidden\n" + usage);
    check(run({"gopher_server", "/does/not/exist"}), 2, "",
          "gopher_server: DIR: open the folder '/does/not/exist': No such file or directory\n" + usage);
    check(run({"gopher_server", hole.path("binary")}), 2, "",
          "gopher_server: DIR: open the folder '" + hole.path("binary") + "': Not a directory\n" + usage);
    check(run({"gopher_server", hole.root(), "more"}), 2, "", "gopher_server: unexpected argument 'more'\n" + usage);
    check(run({"gopher_server", hole.root(), "--udp"}), 2, "", "gopher_server: unrecognised option '--udp'\n" + usage);
    const Outcome help = run({"gopher_server", "--help"});
    BOOST_TEST(help.status == 0);
    BOOST_TEST(
        help.output.starts_with("usage: gopher_server [OPTION]... DIR\n\nA gopher server (RFC 1436) over a folder.\n"));
    BOOST_TEST(help.output.find("[default: 7070]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_client_prints_documents) {
    const Hole hole;
    std::string text;
    while (text.size() < 100'000)
        text += std::string(text.size() % 5, '.') + std::to_string(text.size()) + '\n';
    write_file(hole.path("long.txt"), text);
    const std::string random = output_of({"sh", "-c", "head -c 100000 /dev/urandom"});
    write_file(hole.path("random"), '\0' + random);
    const Server server(server_of(hole.root(), {}));
    const auto document = [&](const std::string& selector) {
        return output_of({"gopher_client", "127.0.0.1", selector, std::to_string(server.port())});
    };
    BOOST_TEST(document("about.txt") == "one\n.two\n");
    BOOST_TEST((document("long.txt") == text));
    BOOST_TEST(document("binary") == binary);
    BOOST_TEST((document("random") == '\0' + random));
    BOOST_TEST(document("picture.gif") == "GIF89a" + binary);
    BOOST_TEST(document("page.html") == "<title>page</title>\n");
    BOOST_TEST(document("folder/empty") == "");
    std::string menu = menu_of_root("127.0.0.1", server.port());
    menu.resize(menu.size() - 3);
    menu.erase(std::remove(menu.begin(), menu.end(), '\r'), menu.end());
    std::filesystem::remove(hole.path("long.txt"));
    std::filesystem::remove(hole.path("random"));
    BOOST_TEST(document("") == menu);
    BOOST_TEST(output_of({"gopher_client", "--raw", "localhost", "about.txt", std::to_string(server.port())}) ==
               "one\r\n..two\r\n.\r\n");
}

BOOST_AUTO_TEST_CASE(the_client_tells_what_is_wrong_with_a_reply) {
    check(client_told("text\r\n.\r\n"), 0, "text\n", "");
    check(client_told(".\r\n"), 0, "", "");
    check(client_told("text\r\n.\r\nmore"), 0, "text\n", "");
    check(client_told(""), 1, "", "gopher_client: the server closed the connection without a document\n");
    check(client_told("text\r\nmo"), 1, "text\nmo",
          "gopher_client: the document came without its last line, a dot: it may not be all\n");
    check(client_told("3no such thing\t\terror.host\t1\r\n.\r\n"), 1, "",
          "gopher_client: the server says: no such thing\n");
    check(client_told("3no such thing\t\terror.host\t1\r\n.\r\n", {}, "x.gif"), 1, "",
          "gopher_client: the server says: no such thing\n");
    check(client_told("text\r\nmo", {"--raw"}), 0, "text\r\nmo", "");
    check(client_told("", {"--raw"}), 0, "", "");
    check(client_told("\0\r\n.\r\n"s, {"--text"}), 0, "\0\n"s, "");
    check(client_told("\0\r\n.\r\n"s), 0, "\0\r\n.\r\n"s, "");
    check(client_told("<p>\n", {}, "x.html"), 0, "<p>\n", "");
}

BOOST_AUTO_TEST_CASE(the_client_tells_what_goes_wrong_in_one_line) {
    std::string closed_port;
    {
        const Listener gone;
        closed_port = gone.port();
    }
    check(run({"gopher_client", "127.0.0.1", "", closed_port}), 1, "",
          "gopher_client: connect to 127.0.0.1:" + closed_port + ": Connection refused\n");
    const Outcome unknown = run({"gopher_client", "name.invalid", ""});
    BOOST_TEST(unknown.status == 1);
    BOOST_TEST(unknown.output == "");
    BOOST_TEST(unknown.error.starts_with("gopher_client: getaddrinfo name.invalid: "));
    BOOST_TEST(unknown.error.find('\n') == unknown.error.size() - 1);
    const Listener listener;
    Program program({"gopher_client", "127.0.0.1", "x", listener.port()});
    Client connection = listener.accept();
    BOOST_TEST(connection.read_line() == "x\r\n");
    connection.reset();
    BOOST_TEST(program.error() ==
               "gopher_client: recv from 127.0.0.1:" + listener.port() + ": Connection reset by peer\n");
    BOOST_TEST(program.wait() == 1);
    const Hole hole;
    const Server server(server_of(hole.root(), {}));
    const Outcome full =
        run({"sh", "-c", "exec \"$0\" 127.0.0.1 about.txt " + std::to_string(server.port()) + " > /dev/full",
             program_path("gopher_client")});
    check(full, 1, "", "gopher_client: cannot write standard output: No space left on device\n");
}

BOOST_AUTO_TEST_CASE(a_bad_command_line_of_the_client_exits_2) {
    const std::string usage =
        "usage: gopher_client [OPTION]... HOST SELECTOR [PORT]; gopher_client --help lists the options\n";
    const auto refuses = [&](std::vector<std::string> arguments, const std::string& message) {
        arguments.insert(arguments.begin(), "gopher_client");
        check(run(arguments), 2, "", "gopher_client: " + message + '\n' + usage);
    };
    refuses({}, "HOST is missing: the server's name or address");
    refuses({"localhost"}, "SELECTOR is missing: the document's name there; \"\" is the server's menu");
    refuses({"localhost", "x", "gopher"}, "PORT: 'gopher' is not a whole number from 1 to 65535");
    refuses({"localhost", "x", "0"}, "PORT: '0' is not a whole number from 1 to 65535");
    refuses({"localhost", "x", "1", "y"}, "unexpected argument 'y'");
    refuses({"localhost", std::string(256, 'x')}, "SELECTOR: the selector is longer than 255 bytes");
    refuses({"localhost", "x\r\ny"}, "SELECTOR: the selector holds control characters");
    refuses({"localhost", "x\n"}, "SELECTOR: the selector holds control characters");
    refuses({"--text", "--raw", "localhost", "x"}, "--raw cannot be used with --text");
    refuses({"--bogus"}, "unrecognised option '--bogus'");
    refuses({"--%canonical_option%"}, "unrecognised option '--%canonical_option%'");
    const Outcome help = run({"gopher_client", "--help"});
    BOOST_TEST(help.status == 0);
    BOOST_TEST(help.error == "");
    BOOST_TEST(help.output.starts_with("usage: gopher_client [OPTION]... HOST SELECTOR [PORT]\n"));
    check(run({"gopher_client", "--version"}), 0, "gopher_client (socketserver " SOCKETSERVER_VERSION ")\n", "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
