#include <socketserver/os/ctime.hpp>

#include <support/case_guard.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>

namespace socketserver::test {

namespace {

using namespace std::chrono_literals;

/// The time zone of the process until the scope ends.
class TimeZone {
public:
    explicit TimeZone(const char* name) {
        if (const char* const former = std::getenv("TZ"))
            former_ = former;
        ::setenv("TZ", name, 1);
        ::tzset();
    }
    ~TimeZone() {
        if (former_)
            ::setenv("TZ", former_->c_str(), 1);
        else
            ::unsetenv("TZ");
        ::tzset();
    }
    TimeZone(const TimeZone&) = delete;
    TimeZone& operator=(const TimeZone&) = delete;

private:
    std::optional<std::string> former_;
};

std::chrono::system_clock::time_point at(std::chrono::system_clock::duration since_1970) {
    return std::chrono::system_clock::time_point{since_1970};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(ctime_text, CaseGuard)

BOOST_AUTO_TEST_CASE(reads_as_in_python) {
    const TimeZone utc("UTC0");
    BOOST_TEST(socketserver::ctime(at(1795206660s)) == "Fri Nov 20 20:31:00 2026");
}

BOOST_AUTO_TEST_CASE(pads_the_day_with_a_space_and_the_hour_with_a_zero) {
    const TimeZone utc("UTC0");
    BOOST_TEST(socketserver::ctime(at(0s)) == "Thu Jan  1 00:00:00 1970");
}

BOOST_AUTO_TEST_CASE(tells_local_time) {
    const TimeZone east("XXX-5:30");
    BOOST_TEST(socketserver::ctime(at(1795206660s)) == "Sat Nov 21 02:01:00 2026");
}

BOOST_AUTO_TEST_CASE(drops_fractions_of_a_second_also_before_1970) {
    const TimeZone utc("UTC0");
    BOOST_TEST(socketserver::ctime(at(999ms)) == "Thu Jan  1 00:00:00 1970");
    BOOST_TEST(socketserver::ctime(at(-1ms)) == "Wed Dec 31 23:59:59 1969");
}

BOOST_AUTO_TEST_CASE(agrees_with_the_c_library_on_all_days_and_months) {
    for (auto when = at(0s); when < at(24h * 800); when += 24h + 59min + 7s) {
        const std::time_t seconds = std::chrono::system_clock::to_time_t(when);
        BOOST_TEST(socketserver::ctime(when) + '\n' == std::string{std::ctime(&seconds)});
    }
}

BOOST_AUTO_TEST_CASE(the_present_lies_between_before_and_after) {
    const auto before = std::chrono::system_clock::now();
    const std::string now = ctime_now();
    const auto after = std::chrono::system_clock::now();
    bool found = false;
    for (auto when = std::chrono::floor<std::chrono::seconds>(before); when <= after; when += 1s)
        found = found || now == socketserver::ctime(when);
    BOOST_TEST(found);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
