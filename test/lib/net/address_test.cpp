#include <socketserver/net/address.hpp>

#include <socketserver/net/resolve.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <support/case_guard.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace socketserver::test {

namespace {

using std::string_literals::operator""s;

/// A Unix address as a system call would store it: these bytes of sun_path, and this length reported for them.
Address stored(const std::string& bytes, std::size_t reported) {
    sockaddr_un address;
    std::memset(&address, 'X', sizeof address);  // what the kernel does not write stays as it was
    address.sun_family = AF_UNIX;
    bytes.copy(address.sun_path, sizeof address.sun_path);
    return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&address),
                                  static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + reported));
}

Address stored(const std::string& bytes) {
    return stored(bytes, bytes.size());
}

sockaddr_in6 ipv6(const char* host, std::uint16_t port, std::uint32_t scope = 0) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_scope_id = scope;
    ::inet_pton(AF_INET6, host, &address.sin6_addr);
    return address;
}

template <class T>
Address from(const T& address) {
    return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

/// Binds a Unix socket and asks the kernel for its name.
Address bound(const Address& address) {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    BOOST_REQUIRE(::bind(fd.get(), address.data(), address.size()) == 0);
    sockaddr_un name{};
    socklen_t size = sizeof name;
    BOOST_REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
    return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&name), size);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(address, CaseGuard)

// ---- Internet ---------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(an_ipv4_address) {
    const Address address("127.0.0.1", 80);
    BOOST_TEST(address.family() == AF_INET);
    BOOST_TEST(address.host() == "127.0.0.1");
    BOOST_TEST(address.port() == 80);
    BOOST_TEST(address.path() == "");
    BOOST_TEST(address.to_string() == "127.0.0.1:80");
    BOOST_TEST(address.size() == sizeof(sockaddr_in));
    BOOST_TEST(address.is_loopback());
    BOOST_TEST(!address.is_wildcard());
    BOOST_TEST(!address.is_any());
    BOOST_TEST(!address.is_unnamed());
}

BOOST_AUTO_TEST_CASE(an_ipv6_address) {
    const Address address("::1", 65535);
    BOOST_TEST(address.family() == AF_INET6);
    BOOST_TEST(address.host() == "::1");
    BOOST_TEST(address.port() == 65535);
    BOOST_TEST(address.to_string() == "[::1]:65535");
    BOOST_TEST(address.size() == sizeof(sockaddr_in6));
    BOOST_TEST(address.is_loopback());
    BOOST_TEST(!Address("2001:db8::1", 1).is_loopback());
}

BOOST_AUTO_TEST_CASE(any_address_of_both_families) {
    const Address any("", 8080);
    BOOST_TEST(any.family() == AF_UNSPEC);
    BOOST_TEST(any.is_any());
    BOOST_TEST(any.is_wildcard());
    BOOST_TEST(!any.is_unnamed());
    BOOST_TEST(!any.is_loopback());
    BOOST_TEST(any.host() == "");
    BOOST_TEST(any.port() == 8080);
    BOOST_TEST(any.to_string() == "*:8080");
    BOOST_TEST(any.with_port(9).to_string() == "*:9");
    BOOST_TEST(any == Address("", 8080));
    BOOST_TEST(any != Address("", 8081));
    BOOST_TEST(any != Address());
}

BOOST_AUTO_TEST_CASE(the_wildcards_of_one_family) {
    BOOST_TEST(Address("0.0.0.0", 1).is_wildcard());
    BOOST_TEST(Address("::", 1).is_wildcard());
    BOOST_TEST(!Address("0.0.0.0", 1).is_any());
    BOOST_TEST(!Address("::", 1).is_any());
}

BOOST_AUTO_TEST_CASE(the_unnamed_address) {
    const Address nobody;
    BOOST_TEST(nobody.is_unnamed());
    BOOST_TEST(!nobody.is_any());
    BOOST_TEST(!nobody.is_wildcard());
    BOOST_TEST(nobody.family() == AF_UNSPEC);
    BOOST_TEST(nobody.size() == 0U);
    BOOST_TEST(nobody.port() == 0);
    BOOST_TEST(nobody.to_string() == "(unnamed)");
    BOOST_TEST(nobody == Address());
}

BOOST_AUTO_TEST_CASE(refuses_a_port_out_of_range) {
    BOOST_CHECK_THROW(Address("127.0.0.1", -1), std::invalid_argument);
    BOOST_CHECK_THROW(Address("127.0.0.1", 65536), std::invalid_argument);
    BOOST_CHECK_THROW(Address("", 65536), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(an_ipv4_mapped_address_is_kept_as_ipv4) {
    BOOST_TEST(Address("::ffff:10.1.2.3", 5) == Address("10.1.2.3", 5));
    const Address peer = from(ipv6("::ffff:10.1.2.3", 5));
    BOOST_TEST(peer.family() == AF_INET);
    BOOST_TEST(peer.to_string() == "10.1.2.3:5");
    BOOST_TEST(peer == Address("10.1.2.3", 5));
    BOOST_TEST(Address::parse("[::ffff:10.1.2.3]:5") == peer);
}

BOOST_AUTO_TEST_CASE(a_scope_is_read_shown_and_compared) {
    const unsigned lo = ::if_nametoindex("lo");
    BOOST_REQUIRE(lo != 0U);
    const Address scoped("fe80::1%lo", 80);
    BOOST_TEST(scoped.host() == "fe80::1%lo");
    BOOST_TEST(scoped.to_string() == "[fe80::1%lo]:80");
    BOOST_TEST(scoped == from(ipv6("fe80::1", 80, lo)));
    BOOST_TEST(scoped != from(ipv6("fe80::1", 80)));
    BOOST_TEST(Address::parse(scoped.to_string()) == scoped);
    BOOST_TEST(from(ipv6("fe80::1", 80, 4'000'000)).host() == "fe80::1%4000000");
    BOOST_CHECK_THROW(Address("fe80::1%no-such-interface", 80), system_error);
}

BOOST_AUTO_TEST_CASE(an_interface_is_named_only_where_its_name_is_read) {
    const unsigned lo = ::if_nametoindex("lo");
    BOOST_REQUIRE(lo != 0U);
    for (const char* host : {"fe80::1", "ff01::1", "ff02::1"})
        BOOST_TEST(from(ipv6(host, 80, lo)).host() == host + "%lo"s);
    for (const char* host : {"::", "::1", "fec0::1", "2001:db8::1", "ff05::1"})
        BOOST_TEST(from(ipv6(host, 80, lo)).host() == host + ("%" + std::to_string(lo)));
    for (const char* host : {"fe80::1", "ff01::1", "ff02::1", "::", "::1", "fec0::1", "2001:db8::1", "ff05::1"}) {
        const Address scoped = from(ipv6(host, 80, lo));
        BOOST_TEST(Address::parse(scoped.to_string()) == scoped);
    }
}

BOOST_AUTO_TEST_CASE(a_name_is_resolved_to_ipv4_if_it_can_be) {
    const Address local("localhost", 80);
    BOOST_TEST(local.to_string() == "127.0.0.1:80");
}

BOOST_AUTO_TEST_CASE(a_name_without_an_address_is_named_by_the_error) {
    const std::string name(300, 'n');  // too long for any name server to be asked
    BOOST_CHECK_EXCEPTION(Address(name, 80), system_error, [&name](const system_error& e) {
        return e.code().category() == gai_category() && std::string{e.what()}.find(name) != std::string::npos;
    });
    BOOST_CHECK_THROW(Address("1:2:3", 80), system_error);
    BOOST_CHECK_THROW(Address("127.0.0.1\0x"s, 80), system_error);
}

BOOST_AUTO_TEST_CASE(another_port_leaves_the_rest) {
    BOOST_TEST(Address("127.0.0.1", 1).with_port(2) == Address("127.0.0.1", 2));
    BOOST_TEST(Address("fe80::1%lo", 1).with_port(2) == Address("fe80::1%lo", 2));
}

BOOST_AUTO_TEST_CASE(equality_does_not_look_at_padding) {
    sockaddr_in noisy{};
    noisy.sin_family = AF_INET;
    noisy.sin_port = htons(80);
    noisy.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::memset(noisy.sin_zero, 0x55, sizeof noisy.sin_zero);
    BOOST_TEST(from(noisy) == Address("127.0.0.1", 80));
    sockaddr_in6 flow = ipv6("::1", 80);
    flow.sin6_flowinfo = 77;
    BOOST_TEST(from(flow) == Address("::1", 80));
    BOOST_TEST(Address("127.0.0.1", 80) != Address("127.0.0.2", 80));
    BOOST_TEST(Address("127.0.0.1", 80) != Address("127.0.0.1", 81));
    BOOST_TEST(Address("0.0.0.0", 80) != Address("::", 80));
}

BOOST_AUTO_TEST_CASE(less_than_a_whole_address_is_unnamed) {
    const sockaddr_in6 whole = ipv6("::1", 80);
    const auto* const data = reinterpret_cast<const sockaddr*>(&whole);
    BOOST_TEST(Address::from_sockaddr(nullptr, 0).is_unnamed());
    BOOST_TEST(Address::from_sockaddr(data, 0).is_unnamed());
    BOOST_TEST(Address::from_sockaddr(data, 1).is_unnamed());
    BOOST_TEST(Address::from_sockaddr(data, sizeof whole - 1).is_unnamed());
    BOOST_TEST(!Address::from_sockaddr(data, sizeof whole).is_unnamed());
    const sockaddr unspecified{};
    BOOST_TEST(from(unspecified).is_unnamed());
}

BOOST_AUTO_TEST_CASE(an_unknown_family_is_kept) {
    sockaddr_storage other{};
    other.ss_family = AF_NETLINK;
    const Address address = Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&other), 12);
    BOOST_TEST(address.family() == AF_NETLINK);
    BOOST_TEST(address.size() == 12U);
    BOOST_TEST(address.port() == 0);
    BOOST_TEST(address.to_string() == "(address family 16)");
    // A longer one than any we know is cut, never written beyond.
    BOOST_TEST(from(other).size() < sizeof other);
}

BOOST_AUTO_TEST_CASE(write_is_to_string_as_far_as_there_is_room) {
    for (const char* const text :
         {"255.255.255.255:65535", "0.10.200.1:0", "[fe80::1%lo]:80", "/run/x.sock", "*:8080"}) {
        const Address address = Address::parse(text);
        std::array<char, 64> room{};
        BOOST_TEST(address.write(room) == text);
        BOOST_TEST(address.write(std::span(room).first(4)) == std::string_view(text).substr(0, 4));
        BOOST_TEST(address.write({}) == "");
    }
}

// ---- Unix -------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_unix_path) {
    const Address address = Address::unix_path("/run/x.sock");
    BOOST_TEST(address.family() == AF_UNIX);
    BOOST_TEST(address.path() == "/run/x.sock");
    BOOST_TEST(address.to_string() == "/run/x.sock");
    BOOST_TEST(address.host() == "");
    BOOST_TEST(address.port() == 0);
    BOOST_TEST(!address.is_abstract());
    BOOST_TEST(address.is_loopback());
    BOOST_TEST(address != Address::unix_path("/run/x.soc"));
}

BOOST_AUTO_TEST_CASE(a_name_in_the_abstract_namespace) {
    const Address address = Address::unix_path("@name");
    BOOST_TEST(address.is_abstract());
    BOOST_TEST(address.path() == "@name");
    BOOST_TEST(address.to_string() == "@name");
    BOOST_TEST(address.size() == offsetof(sockaddr_un, sun_path) + 5);
    BOOST_TEST(address == stored("\0name"s));
    BOOST_TEST(address != stored("\0name\0"s));
    BOOST_TEST(address != Address::unix_path("./@name"));
}

BOOST_AUTO_TEST_CASE(refuses_a_unix_path_that_is_too_long) {
    const std::string longest = "/" + std::string(106, 'p');
    BOOST_TEST(Address::unix_path(longest).path() == longest);
    BOOST_CHECK_EXCEPTION((void)Address::unix_path(longest + 'p'), std::invalid_argument, [](const auto& e) {
        const std::string what = e.what();
        return what.find("108") != std::string::npos && what.find("107") != std::string::npos;
    });
    const std::string longest_name = "@" + std::string(107, 'n');
    BOOST_TEST(Address::unix_path(longest_name).path() == longest_name);
    BOOST_CHECK_THROW((void)Address::unix_path(longest_name + 'n'), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(refuses_a_unix_path_that_is_empty_or_holds_a_nul) {
    BOOST_CHECK_THROW((void)Address::unix_path(""), std::invalid_argument);
    BOOST_CHECK_THROW((void)Address::unix_path("@"), std::invalid_argument);
    BOOST_CHECK_THROW((void)Address::unix_path("/a\0b"s), std::invalid_argument);
    BOOST_CHECK_THROW((void)Address::unix_path("@a\0b"s), std::invalid_argument);
    BOOST_CHECK_THROW((void)Address::unix_path("\0a"s), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_stored_path_ends_with_a_nul_or_its_length) {
    const Address path = Address::unix_path("/tmp/s");
    BOOST_TEST(stored("/tmp/s") == path);
    BOOST_TEST(stored("/tmp/s\0"s) == path);
    BOOST_TEST(stored("/tmp/s\0rubbish"s) == path);
    BOOST_TEST(stored("/tmp/s").size() == path.size());
}

BOOST_AUTO_TEST_CASE(a_family_alone_is_unnamed) {
    BOOST_TEST(stored("").is_unnamed());
    BOOST_TEST(stored("") == Address());
}

BOOST_AUTO_TEST_CASE(a_length_beyond_the_buffer_is_cut) {
    const std::string full(108, 'f');
    BOOST_TEST(stored(full, 109).path() == full);
    BOOST_TEST(stored(full, 4000).path() == full);
    BOOST_TEST(stored(full, 4000).size() == sizeof(sockaddr_un));
    BOOST_TEST(stored('\0' + full.substr(1), 4000).path() == '@' + full.substr(1));
}

BOOST_AUTO_TEST_CASE(what_the_kernel_says_of_a_bound_socket_is_what_was_bound) {
    const TemporaryDirectory folder;
    const Address path = Address::unix_path(folder / "socket");
    BOOST_TEST(bound(path) == path);
    const Address name = Address::unix_path("@socketserver-test-" + std::to_string(::getpid()));
    BOOST_TEST(bound(name) == name);
}

BOOST_AUTO_TEST_CASE(the_longest_path_the_kernel_takes_survives) {
    const TemporaryDirectory folder;
    std::string path = (folder.path() / "").string();
    path.resize(108, 'l');
    const Address full = stored(path);
    BOOST_TEST(bound(full) == full);  // for which the kernel reports a length of 111
    BOOST_TEST(full.path() == path);
}

BOOST_AUTO_TEST_CASE(a_path_that_begins_like_an_abstract_name_is_told_apart) {
    const Address file = stored("@file");
    BOOST_TEST(!file.is_abstract());
    BOOST_TEST(file.path() == "./@file");
    BOOST_TEST(file.to_string() == "./@file");
}

BOOST_AUTO_TEST_CASE(text_stays_on_one_line) {
    BOOST_TEST(stored("\0\x01\x1f z\n\xff\\"s).to_string() == "@\\x01\\x1f z\\x0a\\xff\\x5c");
    BOOST_TEST(stored("/tmp/\xc3\xa4\n").to_string() == "/tmp/\xc3\xa4\\x0a");
    // Of UTF-8 only what can be printed: no control characters, none that change the direction of writing.
    const std::string right_to_left{'\xe2', '\x80', '\xae'};
    BOOST_TEST(stored("/tmp/\xc2\x9b" + right_to_left + '\xff').to_string() == "/tmp/\\xc2\\x9b\\xe2\\x80\\xae\\xff");
}

// ---- Reading ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(parse_reads_what_to_string_prints) {
    for (const Address& address :
         {Address("127.0.0.1", 80), Address("::1", 0), Address("2001:db8::7", 65535), Address("", 80),
          Address::unix_path("/run/x"), Address::unix_path("./x"), Address::unix_path("@name"),
          Address::unix_path("@a:1"), stored("\0\x01\0\n\\x41\xff"s), stored("/tmp/a\n\\b")}) {
        BOOST_TEST_CONTEXT(address.to_string())
        BOOST_TEST(Address::parse(address.to_string()) == address);
    }
}

BOOST_AUTO_TEST_CASE(parse_refuses_what_is_none_of_these_and_quotes_it) {
    for (const char* const text : {"",
                                   "80",
                                   ":80",
                                   "localhost:80",
                                   "127.0.0.1",
                                   "127.0.0.1:",
                                   "127.0.0.1:65536",
                                   "127.0.0.1:-1",
                                   "127.0.0.1:+1",
                                   "127.0.0.1: 1",
                                   "127.0.0.1:1x",
                                   "::1:80",
                                   "[::1]",
                                   "[::1]80",
                                   "[127.0.0.1]:80",
                                   "[]:80",
                                   "[::1:80",
                                   "1.2.3:80",
                                   "@",
                                   "*",
                                   "(unnamed)"}) {
        BOOST_TEST_CONTEXT(text)
        BOOST_CHECK_EXCEPTION((void)Address::parse(text), std::invalid_argument, [text](const auto& e) {
            return std::string{e.what()}.find('"' + std::string{text} + '"') != std::string::npos;
        });
    }
    BOOST_CHECK_THROW((void)Address::parse("127.0.0.1\0:80"s), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(prints_itself) {
    std::ostringstream out;
    out << Address("::1", 80);
    BOOST_TEST(out.str() == "[::1]:80");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
