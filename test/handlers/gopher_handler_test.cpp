#include "support/case_guard.hpp"
#include "support/clients.hpp"
#include "support/eventually.hpp"
#include "support/served.hpp"
#include "support/temporary_directory.hpp"

#include <socketserver/handlers/gopher_handler.hpp>
#include <socketserver/unix_server.hpp>

#include <boost/test/unit_test.hpp>

#include <sys/fsuid.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace socketserver::test {

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

// More than the kernel keeps for a client that does not read.
constexpr std::size_t large_size = 67'108'864;

const std::string binary = "\x00\x01\xff\n.\n"s;

/// A folder and its options.
class Hole {
public:
    Hole() { std::filesystem::create_directory(path("")); }

    [[nodiscard]] std::filesystem::path path(std::string_view name) const { return place_ / "hole" / name; }
    void write(std::string_view name, const std::string& text) const { write_file(path(name), text); }
    [[nodiscard]] const TemporaryDirectory& place() const { return place_; }
    [[nodiscard]] GopherOptions options() const {
        GopherOptions options;
        options.folder = Folder(path(""));
        return options;
    }

private:
    TemporaryDirectory place_;
};

/// What a server answers to bytes.
template <class Server>
std::string answer(const Server& server, std::string_view bytes) {
    Client client = server.connect();
    client.send(bytes);
    return client.read_all();
}

/// What it answers to a selector.
template <class Server>
std::string fetch(const Server& server, std::string_view selector) {
    return answer(server, std::string(selector) + "\r\n");
}

std::string error(const std::string& message) {
    return "3" + message + "\t\terror.host\t1\r\n.\r\n";
}

/// "TYPE DISPLAY SELECTOR" for each item of a menu.
std::vector<std::string> items(const std::string& menu) {
    const auto parsed = parse_gopher_menu(menu);
    BOOST_REQUIRE_MESSAGE(parsed, menu);
    BOOST_TEST(parsed.consumed() == menu.size());
    std::vector<std::string> items;
    for (const GopherItem& item : *parsed)
        items.push_back(item.type + (' ' + item.display) + ' ' + item.selector);
    return items;
}

using Items = std::vector<std::string>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(gopher_handler, CaseGuard)

BOOST_AUTO_TEST_CASE(a_folder_is_a_sorted_menu_with_the_servers_address) {
    const Hole hole;
    hole.write("b text", "text\n");
    hole.write("a", binary);
    std::filesystem::create_directory(hole.path("C"));
    const Served<GopherHandler> served({}, hole.options());
    Client client = served.connect();
    client.send("\r\n");
    const std::string menu = client.read_all();
    const auto parsed = parse_gopher_menu(menu);
    BOOST_REQUIRE(parsed);
    BOOST_TEST(items(menu) == (Items{"1 C C", "9 a a", "0 b text b text"}), boost::test_tools::per_element());
    Client other = served.connect();
    for (const GopherItem& item : *parsed) {
        BOOST_TEST(item.host == "127.0.0.1");
        BOOST_TEST(Client("127.0.0.1", item.port).local_address().starts_with("127.0.0.1:"));
    }
    other.send("\n");
    BOOST_TEST(other.read_all() == menu);
    BOOST_TEST(fetch(served, "/") == menu);
}

BOOST_AUTO_TEST_CASE(types_are_told_by_suffix_and_contents) {
    const Hole hole;
    for (const std::string name : {"a.gif", "b.GIF", "c.png", "d.JPeG", "e.jpg", "f.svg", "g.html", "h.HTM", "i.webp"})
        hole.write(name, "x");
    hole.write("j.txt", "text \xe4\xb8\x96\xff\t\f\x1b[1m\r\n");
    hole.write("k.txt", "no\x01text");
    hole.write("l", std::string(4096, 'x') + '\0');
    hole.write("m", std::string(4095, 'x') + '\0');
    hole.write("n", "");
    hole.write("png", "x");
    const Served<GopherHandler> served({}, hole.options());
    BOOST_TEST(items(fetch(served, "")) ==
                   (Items{"g a.gif a.gif", "g b.GIF b.GIF", "I c.png c.png", "I d.JPeG d.JPeG", "I e.jpg e.jpg",
                          "I f.svg f.svg", "h g.html g.html", "h h.HTM h.HTM", "I i.webp i.webp", "0 j.txt j.txt",
                          "9 k.txt k.txt", "0 l l", "9 m m", "0 n n", "0 png png"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(folders_inside_have_menus_of_their_own) {
    const Hole hole;
    std::filesystem::create_directories(hole.path("one/two"));
    hole.write("one/file", "x");
    const Served<GopherHandler> served({}, hole.options());
    BOOST_TEST(items(fetch(served, "one")) == (Items{"0 file one/file", "1 two one/two"}),
               boost::test_tools::per_element());
    BOOST_TEST(fetch(served, "/one/") == fetch(served, "one"));
    BOOST_TEST(fetch(served, "one/two") == ".\r\n");
    BOOST_TEST(fetch(served, "/one/file") == "x\r\n.\r\n");
}

BOOST_AUTO_TEST_CASE(texts_are_sent_with_doubled_dots_and_a_last_line) {
    const Hole hole;
    std::string text = "first\n.\n..two\r\nlast";
    hole.write("text", text);
    const Served<GopherHandler> served({}, hole.options());
    BOOST_TEST(fetch(served, "text") == "first\r\n..\r\n...two\r\nlast\r\n.\r\n");
    // Lines that begin where a piece of the file does.
    text.clear();
    for (int i = 0; text.size() < 100'000; ++i)
        text += std::string(static_cast<std::size_t>(i) % 7, '.') + std::to_string(i) + '\n';
    hole.write("long", text);
    BOOST_TEST((parse_gopher_text(fetch(served, "long")).value() == text));
    hole.write("empty", "");
    BOOST_TEST(fetch(served, "empty") == ".\r\n");
}

BOOST_AUTO_TEST_CASE(all_else_is_sent_as_it_is) {
    const Hole hole;
    std::string large;
    for (int i = 0; large.size() < 1'000'000; ++i)
        large += std::to_string(i) + '\0';
    hole.write("binary", binary);
    hole.write("large", large);
    hole.write("page.html", ".\n<p>\n");
    hole.write("empty.gif", "");
    const Served<GopherHandler> served({}, hole.options());
    BOOST_TEST(fetch(served, "binary") == binary);
    BOOST_TEST((fetch(served, "large") == large));
    BOOST_TEST(fetch(served, "page.html") == ".\n<p>\n");
    BOOST_TEST(fetch(served, "empty.gif") == "");
}

BOOST_AUTO_TEST_CASE(a_request_may_come_in_pieces_and_hold_more_than_a_selector) {
    const Hole hole;
    hole.write("x", "text");
    const Served<GopherHandler> served({}, hole.options());
    const std::string text = "text\r\n.\r\n";
    BOOST_TEST(answer(served, "x\n") == text);
    BOOST_TEST(answer(served, "x\tsome words\r\n") == text);
    BOOST_TEST(answer(served, "x\t\t+\r\n") == text);
    BOOST_TEST(answer(served, "x\r\nmore\r\n") == text);
    Client slow = served.connect();
    for (const char c : "x\r\n"s)
        slow.send({&c, 1});
    BOOST_TEST(slow.read_all() == text);
    Client without_end = served.connect();
    without_end.send("x");
    without_end.half_close();
    BOOST_TEST(without_end.read_all() == text);
    Client silent = served.connect();
    silent.half_close();
    BOOST_TEST(silent.read_all() == "");
}

BOOST_AUTO_TEST_CASE(nothing_outside_the_folder_is_served) {
    const Hole hole;
    write_file(hole.place() / "secret", "secret");
    hole.write("plain", "plain");
    std::filesystem::create_directory(hole.path("sub"));
    std::filesystem::create_symlink("../secret", hole.path("relative"));
    std::filesystem::create_symlink(hole.place() / "secret", hole.path("absolute"));
    std::filesystem::create_symlink("..", hole.path("up"));
    std::filesystem::create_symlink("../..", hole.path("sub/up"));
    const std::string secret = hole.place() / "secret";
    const std::vector<std::string> outside{"../secret",
                                           "..",
                                           "/..",
                                           "/../secret",
                                           "sub/../../secret",
                                           "sub/../plain",
                                           "./plain",
                                           "sub/./../plain",
                                           secret,
                                           "/" + secret,
                                           "//plain",
                                           "sub//",
                                           "relative",
                                           "absolute",
                                           "up",
                                           "up/secret",
                                           "sub/up/secret"};
    for (const bool no_openat2 : {false, true}) {
        GopherOptions options = hole.options();
        options.no_openat2 = no_openat2;
        const Served<GopherHandler> served({}, std::move(options));
        for (const std::string& selector : outside)
            BOOST_TEST(fetch(served, selector) == error("'" + selector + "' does not exist here"));
        BOOST_TEST(items(fetch(served, "")) == (Items{"0 plain plain", "1 sub sub"}), boost::test_tools::per_element());
        BOOST_TEST(fetch(served, "sub") == ".\r\n");
        BOOST_TEST(fetch(served, "plain") == "plain\r\n.\r\n");
    }
}

BOOST_AUTO_TEST_CASE(links_that_stay_inside_are_followed_unless_told_otherwise) {
    const Hole hole;
    hole.write("plain", "plain");
    std::filesystem::create_directory(hole.path("sub"));
    std::filesystem::create_symlink("../plain", hole.path("sub/link"));
    const Served<GopherHandler> served({}, hole.options());
    BOOST_TEST(items(fetch(served, "sub")) == (Items{"0 link sub/link"}), boost::test_tools::per_element());
    BOOST_TEST(fetch(served, "sub/link") == "plain\r\n.\r\n");
    GopherOptions options = hole.options();
    options.no_openat2 = true;
    const Served<GopherHandler> by_component({}, std::move(options));
    BOOST_TEST(fetch(by_component, "sub") == ".\r\n");
    BOOST_TEST(fetch(by_component, "sub/link") == error("'sub/link' does not exist here"));
}

BOOST_AUTO_TEST_CASE(hidden_and_odd_names_are_neither_listed_nor_served) {
    const Hole hole;
    const std::vector<std::string> names{".hidden", "tab\tname", "two\nlines", "cr\rname", "bell\a", "del\x7f"};
    for (const std::string& name : names)
        hole.write(name, "secret");
    std::filesystem::create_directory(hole.path(".git"));
    hole.write(".git/config", "secret");
    BOOST_REQUIRE(::mkfifo(hole.path("fifo").c_str(), 0600) == 0);
    std::filesystem::create_symlink("nowhere", hole.path("broken"));
    const UnixStreamServer<GopherHandler> socket(hole.path("socket"), ServerOptions{}, hole.options());
    const Served<GopherHandler> served({}, hole.options());
    BOOST_TEST(fetch(served, "") == ".\r\n");
    for (const std::string name : {".hidden", ".git", ".git/config", "fifo", "socket", "broken", "missing"})
        BOOST_TEST(fetch(served, name) == error("'" + name + "' does not exist here"));
    for (const std::string& name : names)
        BOOST_TEST(fetch(served, name).starts_with("3"));
}

BOOST_AUTO_TEST_CASE(a_selector_that_is_none_is_told_so) {
    const Hole hole;
    hole.write("plain", "plain");
    const Served<GopherHandler> served({}, hole.options());
    BOOST_TEST(answer(served, "plain\0\r\n"s) == error("the selector holds control characters"));
    BOOST_TEST(answer(served, "\0\r\n"s) == error("the selector holds control characters"));
    const std::string longest(255, 'x');
    BOOST_TEST(answer(served, longest + "\r\n") == error("'" + longest + "' does not exist here"));
    const std::string too_long = error("the selector is longer than 255 bytes");
    BOOST_TEST(answer(served, longest + "x\r\n") == too_long);
    BOOST_TEST(answer(served, longest + "x/../../secret\r\n") == too_long);
    BOOST_TEST(answer(served, "x\t" + std::string(5'000, 'y') + "\r\n") ==
               error("the request is longer than 4096 bytes"));
    // One that does not end is answered before it is read to its end.
    Client endless = served.connect();
    endless.send(std::string(300'000, 'x'));
    endless.half_close();
    BOOST_TEST(endless.read_all() == too_long);
}

BOOST_AUTO_TEST_CASE(the_longest_names_are_listed_and_served_if_a_selector_can_hold_them) {
    const Hole hole;
    const std::string longest(255, 'x');
    hole.write(longest, "text");
    std::filesystem::create_directory(hole.path("sub"));
    hole.write("sub/" + longest, "unreachable");
    hole.write("sub/" + longest.substr(4), "text");
    const Served<GopherHandler> served({}, hole.options());
    BOOST_TEST(items(fetch(served, "")) == (Items{"1 sub sub", "0 " + longest + ' ' + longest}),
               boost::test_tools::per_element());
    BOOST_TEST(fetch(served, longest) == "text\r\n.\r\n");
    const std::string inside = "sub/" + longest.substr(4);
    BOOST_TEST(items(fetch(served, "sub")) == (Items{"0 " + longest.substr(4) + ' ' + inside}),
               boost::test_tools::per_element());
    BOOST_TEST(fetch(served, inside) == "text\r\n.\r\n");
}

BOOST_AUTO_TEST_CASE(a_large_folder_is_listed_up_to_a_bound) {
    const Hole hole;
    for (int i = 0; i < 300; ++i)
        hole.write(std::to_string(i), "");
    const Served<GopherHandler> all({}, hole.options());
    BOOST_TEST(items(fetch(all, "")).size() == 300U);
    GopherOptions options = hole.options();
    options.max_entries = 100;
    const Served<GopherHandler> some({}, std::move(options));
    const auto listed = items(fetch(some, ""));
    BOOST_TEST(listed.size() == 101U);
    BOOST_TEST(listed.back() == "3 there are more entries than the 100 listed ");
}

BOOST_AUTO_TEST_CASE(menus_name_the_server_as_told) {
    const Hole hole;
    hole.write("x", "text");
    GopherOptions options = hole.options();
    options.public_host = "gopher.example";
    options.public_port = 70;
    const Served<GopherHandler> served({}, std::move(options));
    BOOST_TEST(fetch(served, "") == "0x\tx\tgopher.example\t70\r\n.\r\n");
}

BOOST_AUTO_TEST_CASE(what_may_not_be_read_is_told_so) {
    // Gives up the superuser's rights for files, of the thread alone (setfsuid(2)).
    class Unprivileged : public GopherHandler {
    public:
        using GopherHandler::GopherHandler;
        void handle() override {
            ::setfsuid(65'534);
            GopherHandler::handle();
        }
    };
    const Hole hole;
    std::filesystem::permissions(hole.path(""), std::filesystem::perms{0755});
    hole.write("file", "secret");
    hole.write("readable", "text");
    std::filesystem::permissions(hole.path("file"), std::filesystem::perms::none);
    std::filesystem::create_directory(hole.path("folder"));
    std::filesystem::permissions(hole.path("folder"), std::filesystem::perms::none);
    {
        const Served<Unprivileged> served({}, hole.options());
        BOOST_TEST(fetch(served, "file") == error("'file' may not be read"));
        BOOST_TEST(fetch(served, "folder") == error("'folder' may not be read"));
        BOOST_TEST(fetch(served, "readable") == "text\r\n.\r\n");
        BOOST_TEST(items(fetch(served, "")) == (Items{"9 file file", "1 folder folder", "0 readable readable"}),
                   boost::test_tools::per_element());
    }
    std::filesystem::permissions(hole.path("folder"), std::filesystem::perms::owner_all);
}

BOOST_AUTO_TEST_CASE(a_file_that_becomes_shorter_resets_the_connection) {
    const Hole hole;
    hole.write("large", binary);
    std::filesystem::resize_file(hole.path("large"), large_size);
    std::atomic<bool> told = false;
    ServerOptions options;
    options.logger = [&](Severity, std::string_view message) {
        told = told || message.find("'large' changed while it was sent") != std::string_view::npos;
    };
    const Served<GopherHandler> served(std::move(options), hole.options());
    Client client = served.connect();
    client.send("large\r\n");
    BOOST_TEST(client.read_exactly(binary.size()) == binary);
    // More has not been sent by now than the kernel keeps for a client that does not read.
    std::filesystem::resize_file(hole.path("large"), 0);
    BOOST_TEST(client.ends_by_reset());
    BOOST_TEST(eventually([&] { return told.load(); }));
    BOOST_TEST(fetch(served, "large") == ".\r\n");
}

BOOST_AUTO_TEST_CASE(a_client_that_never_reads_is_ended_by_the_timeout) {
    const Hole hole;
    hole.write("large", binary);
    std::filesystem::resize_file(hole.path("large"), large_size);
    hole.write("text", std::string(large_size / 4, '\n'));
    std::atomic<int> told = 0;
    ServerOptions options;
    options.connection.timeout = 100ms;
    options.logger = [&](Severity, std::string_view message) {
        if (message.find("timed out") != std::string_view::npos)
            ++told;
    };
    const Served<GopherHandler> served(std::move(options), hole.options());
    Client binary_client = served.connect();
    binary_client.send("large\r\n");
    BOOST_TEST(eventually([&] { return told == 1; }));
    Client text_client = served.connect();
    text_client.send("text\r\n");
    BOOST_TEST(eventually([&] { return told == 2; }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
