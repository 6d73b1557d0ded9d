#include <socketserver/os/shared_memory.hpp>

#include <socketserver/os/error.hpp>

#include <support/case_guard.hpp>
#include <support/forked.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <limits>
#include <memory>

namespace socketserver::test {

namespace {

struct Counters {
    std::atomic<int> a{7};
    std::atomic<long> b{};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(shared_memory, CaseGuard)

BOOST_AUTO_TEST_CASE(holds_an_object_made_by_its_default_constructor) {
    const SharedMemory<Counters> counters;
    BOOST_TEST(counters->a.load() == 7);
    BOOST_TEST((*counters).b.load() == 0);
}

BOOST_AUTO_TEST_CASE(the_parent_sees_what_its_children_write) {
    const SharedMemory<Counters> counters;
    for (int i = 0; i < 3; ++i) {
        const int status = in_child([&counters] {
            ++counters->a;
            counters->b += 100;
            return 0;
        });
        BOOST_TEST(status == 0);
    }
    BOOST_TEST(counters->a.load() == 10);
    BOOST_TEST(counters->b.load() == 300);
}

BOOST_AUTO_TEST_CASE(outlives_its_owner_in_another_process) {
    auto counters = std::make_unique<SharedMemory<Counters>>();
    const int status = in_child([&counters] {
        counters.reset();
        return 0;
    });
    BOOST_TEST(status == 0);
    BOOST_TEST((*counters)->a.load() == 7);
}

BOOST_AUTO_TEST_CASE(says_when_there_is_no_memory) {
    BOOST_CHECK_EXCEPTION(detail::map_shared(std::numeric_limits<std::size_t>::max() / 2), system_error,
                          [](const auto& e) { return e.code() == system_code(ENOMEM); });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
