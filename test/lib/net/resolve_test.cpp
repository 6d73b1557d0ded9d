#include <socketserver/net/resolve.hpp>

#include <support/case_guard.hpp>

#include <boost/test/unit_test.hpp>

#include <netdb.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <string>

// No case here asks a name server: the names are numeric, in /etc/hosts, or too long to be asked for.

namespace socketserver::test {

namespace {

const std::string impossible_name(300, 'n');

/// For the cases that read /etc/services, which small installations lack.
boost::test_tools::assertion_result has_services(boost::unit_test::test_unit_id) {
    return ::access("/etc/services", R_OK) == 0;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(resolve, CaseGuard)

BOOST_AUTO_TEST_CASE(the_name_of_this_machine_is_what_the_kernel_says) {
    std::array<char, 256> name{};
    BOOST_REQUIRE(::gethostname(name.data(), name.size()) == 0);
    BOOST_TEST(socketserver::gethostname() == name.data());
    error_code error = system_code(EIO);
    BOOST_TEST(socketserver::gethostname(error) == name.data());
    BOOST_TEST(!error);
}

BOOST_AUTO_TEST_CASE(a_numeric_host_and_port_need_no_lookup) {
    const auto found = socketserver::getaddrinfo("127.0.0.1", 80);
    BOOST_REQUIRE(found.size() == 1U);
    BOOST_TEST(found[0].family == AF_INET);
    BOOST_TEST(found[0].type == SOCK_STREAM);
    BOOST_TEST(found[0].protocol == IPPROTO_TCP);
    BOOST_TEST(found[0].canonical_name == "");
    BOOST_TEST(found[0].address == Address("127.0.0.1", 80));
    BOOST_TEST(socketserver::getaddrinfo("::1", "80", AF_INET6)[0].address == Address("::1", 80));
}

BOOST_AUTO_TEST_CASE(a_name_has_its_addresses) {
    const auto found = socketserver::getaddrinfo("localhost", 7, AF_INET);
    BOOST_REQUIRE(!found.empty());
    for (const auto& info : found)
        BOOST_TEST(info.address == Address("127.0.0.1", 7));
}

BOOST_AUTO_TEST_CASE(the_type_chooses_the_protocol) {
    BOOST_TEST(socketserver::getaddrinfo("127.0.0.1", 80, AF_INET, SOCK_DGRAM)[0].protocol == IPPROTO_UDP);
    BOOST_TEST(socketserver::getaddrinfo("127.0.0.1", 80, AF_INET, 0, IPPROTO_UDP)[0].type == SOCK_DGRAM);
    BOOST_TEST(socketserver::getaddrinfo("127.0.0.1", 80, AF_INET, 0).size() > 1U);
}

BOOST_AUTO_TEST_CASE(no_host_means_loopback_or_with_passive_the_wildcard) {
    BOOST_TEST(socketserver::getaddrinfo("", 80, AF_INET)[0].address == Address("127.0.0.1", 80));
    BOOST_TEST(socketserver::getaddrinfo("", 80, AF_INET, SOCK_STREAM, 0, AI_PASSIVE)[0].address ==
               Address("0.0.0.0", 80));
    BOOST_TEST(socketserver::getaddrinfo("", "", AF_INET)[0].address.port() == 0);
}

BOOST_AUTO_TEST_CASE(the_canonical_name_comes_if_asked_for) {
    const auto found = socketserver::getaddrinfo("127.0.0.1", 80, AF_INET, SOCK_STREAM, 0, AI_CANONNAME);
    BOOST_TEST(found[0].canonical_name == "127.0.0.1");
}

BOOST_AUTO_TEST_CASE(an_unknown_host_is_an_error_that_names_it) {
    BOOST_CHECK_EXCEPTION((void)socketserver::getaddrinfo("no host", 80, AF_UNSPEC, SOCK_STREAM, 0, AI_NUMERICHOST),
                          system_error, [](const system_error& e) {
                              return e.code() == gai_code(EAI_NONAME, 0) &&
                                     e.what() == std::string{"getaddrinfo no host: Name or service not known"};
                          });
    error_code error;
    BOOST_TEST(socketserver::getaddrinfo(impossible_name, 80, AF_UNSPEC, SOCK_STREAM, 0, 0, error).empty());
    BOOST_CHECK(error.category() == gai_category());
    BOOST_TEST(!socketserver::getaddrinfo("127.0.0.1", 80, AF_UNSPEC, SOCK_STREAM, 0, 0, error).empty());
    BOOST_TEST(!error);
}

BOOST_AUTO_TEST_CASE(a_nul_does_not_shorten_a_name) {
    using std::string_literals::operator""s;
    BOOST_CHECK_THROW((void)socketserver::getaddrinfo("127.0.0.1\0.evil"s, 80), system_error);
    BOOST_CHECK_THROW((void)socketserver::getaddrinfo("127.0.0.1", "80\0x"s), system_error);
    BOOST_CHECK_THROW((void)socketserver::getservbyname("ssh\0x"s), system_error);
}

BOOST_AUTO_TEST_CASE(a_port_out_of_range_is_an_error) {
    const auto is_service_error = [](const system_error& e) { return e.code() == gai_code(EAI_SERVICE, 0); };
    for (const long port : {-1L, 65536L, 99999999999999L})
        BOOST_CHECK_EXCEPTION((void)socketserver::getaddrinfo("127.0.0.1", port), system_error, is_service_error);
    BOOST_CHECK_EXCEPTION((void)socketserver::getaddrinfo("127.0.0.1", "65616"), system_error, is_service_error);
    BOOST_TEST(socketserver::getaddrinfo("127.0.0.1", 65535)[0].address.port() == 65535);
}

BOOST_AUTO_TEST_CASE(an_unknown_service_is_an_error) {
    BOOST_CHECK_THROW((void)socketserver::getaddrinfo("127.0.0.1", "no-such-service"), system_error);
}

BOOST_AUTO_TEST_CASE(the_ipv4_address_of_a_host) {
    BOOST_TEST(socketserver::gethostbyname("localhost") == "127.0.0.1");
    BOOST_TEST(socketserver::gethostbyname("10.1.2.3") == "10.1.2.3");
    BOOST_TEST(socketserver::gethostbyname("") == "0.0.0.0");
    BOOST_TEST(socketserver::gethostbyname("<broadcast>") == "255.255.255.255");
    BOOST_CHECK_THROW((void)socketserver::gethostbyname("::1"), system_error);
    error_code error;
    BOOST_TEST(socketserver::gethostbyname(impossible_name, error) == "");
    BOOST_TEST(static_cast<bool>(error));
}

BOOST_AUTO_TEST_CASE(the_full_name_of_an_unknown_host_is_its_name) {
    BOOST_TEST(getfqdn(impossible_name) == impossible_name);
}

BOOST_AUTO_TEST_CASE(the_full_name_of_no_host_is_that_of_this_machine) {
    const std::string full = getfqdn();
    BOOST_TEST(!full.empty());
    error_code error = system_code(EIO);
    BOOST_TEST(getfqdn("0.0.0.0", error) == full);
    BOOST_TEST(!error);
    BOOST_TEST(getfqdn("::") == full);
}

BOOST_AUTO_TEST_CASE(the_full_name_of_an_address_is_one_of_its_names) {
    BOOST_TEST(getfqdn("127.0.0.1").find("127.") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_service_has_a_port, *boost::unit_test::precondition(has_services)) {
    BOOST_TEST(socketserver::getservbyname("ssh") == 22);
    BOOST_TEST(socketserver::getservbyname("domain", "udp") == 53);
    BOOST_TEST(socketserver::getaddrinfo("127.0.0.1", "ssh")[0].address.port() == 22);
}

BOOST_AUTO_TEST_CASE(a_port_has_a_service, *boost::unit_test::precondition(has_services)) {
    BOOST_TEST(socketserver::getservbyport(22) == "ssh");
    BOOST_TEST(socketserver::getservbyport(53, "udp") == "domain");
}

BOOST_AUTO_TEST_CASE(an_unknown_service_or_port_is_named_by_the_error) {
    BOOST_CHECK_EXCEPTION((void)socketserver::getservbyname("no-such-service", "tcp"), system_error,
                          [](const system_error& e) {
                              return e.code() == gai_code(EAI_SERVICE, 0) &&
                                     std::string{e.what()}.starts_with("getservbyname no-such-service/tcp: ");
                          });
    BOOST_CHECK_EXCEPTION((void)socketserver::getservbyport(22, "smoke"), system_error, [](const system_error& e) {
        return std::string{e.what()}.starts_with("getservbyport 22/smoke: ");
    });
    error_code error;
    BOOST_TEST(socketserver::getservbyname("no-such-service", "", error) == 0);
    BOOST_TEST(static_cast<bool>(error));
    error.clear();
    BOOST_TEST(socketserver::getservbyport(22, "smoke", error) == "");
    BOOST_TEST(static_cast<bool>(error));
}

BOOST_AUTO_TEST_CASE(errors_of_the_name_service_have_a_category) {
    BOOST_TEST(gai_code(0, EIO) == error_code{});
    BOOST_TEST(gai_code(EAI_SYSTEM, EMFILE) == system_code(EMFILE));
    BOOST_TEST(gai_code(EAI_NONAME, EMFILE).message() == "Name or service not known");
    BOOST_TEST(gai_category().name() == std::string{"getaddrinfo"});
    BOOST_CHECK(gai_code(EAI_AGAIN, 0) == boost::system::errc::resource_unavailable_try_again);
    BOOST_CHECK(gai_code(EAI_FAMILY, 0) == boost::system::errc::address_family_not_supported);
    BOOST_CHECK(gai_code(EAI_MEMORY, 0) == boost::system::errc::not_enough_memory);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
