#include <socketserver/os/unique_fd.hpp>

#include <support/case_guard.hpp>
#include <support/readable.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace socketserver::test {

namespace {

int open_null() {
    return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(unique_fd, CaseGuard)

BOOST_AUTO_TEST_CASE(owns_nothing_at_first) {
    const UniqueFd fd;
    BOOST_TEST(fd.get() == -1);
    BOOST_TEST(!fd);
}

BOOST_AUTO_TEST_CASE(closes_the_descriptor_when_destroyed) {
    const int number = open_null();
    {
        const UniqueFd fd(number);
        BOOST_TEST(static_cast<bool>(fd));
        BOOST_TEST(is_open(number));
    }
    BOOST_TEST(!is_open(number));
}

BOOST_AUTO_TEST_CASE(a_move_leaves_one_owner) {
    UniqueFd from(open_null());
    const int number = from.get();
    UniqueFd to(std::move(from));
    BOOST_TEST(from.get() == -1);  // NOLINT(bugprone-use-after-move): promised
    BOOST_TEST(to.get() == number);
    BOOST_TEST(is_open(number));
}

BOOST_AUTO_TEST_CASE(an_assignment_closes_what_was_owned) {
    UniqueFd a(open_null());
    UniqueFd b(open_null());
    const int first = a.get();
    const int second = b.get();
    a = std::move(b);
    BOOST_TEST(!is_open(first));
    BOOST_TEST(a.get() == second);
    BOOST_TEST(is_open(second));
}

BOOST_AUTO_TEST_CASE(survives_an_assignment_to_itself) {
    UniqueFd fd(open_null());
    UniqueFd& same = fd;
    fd = std::move(same);
    BOOST_TEST(is_open(fd.get()));
}

BOOST_AUTO_TEST_CASE(release_gives_up_without_closing) {
    UniqueFd fd(open_null());
    const int number = fd.release();
    BOOST_TEST(fd.get() == -1);
    BOOST_TEST(is_open(number));
    ::close(number);
}

BOOST_AUTO_TEST_CASE(closing_leaves_errno_alone) {
    UniqueFd bad(1 << 20);  // nobody's: close says EBADF
    errno = ENOENT;
    bad.reset();
    BOOST_TEST(errno == ENOENT);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
