#include <socketserver/os/error.hpp>

#include <support/case_guard.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <string>

namespace socketserver::test {

BOOST_FIXTURE_TEST_SUITE(error, CaseGuard)

BOOST_AUTO_TEST_CASE(an_errno_value_becomes_a_code_of_the_system_category) {
    const error_code code = system_code(ECONNRESET);
    BOOST_TEST(code.value() == ECONNRESET);
    BOOST_CHECK(code.category() == boost::system::system_category());
    BOOST_CHECK(code == boost::system::errc::connection_reset);
    BOOST_TEST(!system_code(0));
}

BOOST_AUTO_TEST_CASE(the_exception_names_the_call_and_the_subject) {
    BOOST_CHECK_EXCEPTION(throw_errno(ECONNRESET, "recv from", "127.0.0.1:5000"), system_error, [](const auto& e) {
        return e.code() == system_code(ECONNRESET) &&
               e.what() == std::string{"recv from 127.0.0.1:5000: Connection reset by peer"};
    });
}

BOOST_AUTO_TEST_CASE(the_exception_names_the_call_alone_if_there_is_no_subject) {
    BOOST_CHECK_EXCEPTION(throw_errno(EMFILE, "socket"), system_error,
                          [](const auto& e) { return e.what() == std::string{"socket: Too many open files"}; });
}

BOOST_AUTO_TEST_CASE(only_etimedout_is_a_timeout) {
    BOOST_TEST(is_timeout(system_code(ETIMEDOUT)));
    BOOST_TEST(!is_timeout(system_code(EAGAIN)));
    BOOST_TEST(!is_timeout(error_code{}));
}

BOOST_AUTO_TEST_CASE(what_a_peer_or_the_network_did_is_told_from_what_this_machine_lacks) {
    for (const int theirs : {ECONNRESET, EPIPE, ETIMEDOUT, EMSGSIZE, ENETUNREACH, ECONNREFUSED})
        BOOST_TEST(is_network_error(system_code(theirs)), theirs);
    BOOST_TEST(is_network_error(make_error_code(boost::system::errc::connection_reset)));
    for (const int ours : {EMFILE, ENFILE, ENOMEM, ENOSPC, EINVAL, EIO, EACCES, 0})
        BOOST_TEST(!is_network_error(system_code(ours)), ours);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
