#include <socketserver/detail/address_quota.hpp>

#include "support/case_guard.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace socketserver::test {

namespace {

using ::socketserver::detail::AddressQuota;
using Prefix = ServerOptions::AddressPrefix;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(address_quota, CaseGuard)

BOOST_AUTO_TEST_CASE(an_address_has_so_many_places_and_no_more) {
    AddressQuota quota(2, {});
    auto first = quota.take(Address("192.0.2.1", 1));
    const auto second = quota.take(Address("192.0.2.1", 2));
    BOOST_TEST((first != nullptr && second != nullptr));
    BOOST_TEST((quota.take(Address("192.0.2.1", 3)) == nullptr));
    BOOST_TEST((quota.take(Address("192.0.2.2", 1)) != nullptr));
    first.reset();
    BOOST_TEST((quota.take(Address("192.0.2.1", 3)) != nullptr));
}

BOOST_AUTO_TEST_CASE(an_address_without_connections_is_forgotten) {
    AddressQuota quota(1, {});
    {
        const auto ipv4 = quota.take(Address("192.0.2.1", 1));
        const auto ipv6 = quota.take(Address("2001:db8::1", 1));
        BOOST_TEST((quota.take(Address("192.0.2.1", 1)) == nullptr));
        BOOST_TEST(quota.addresses() == 2U);
    }
    BOOST_TEST(quota.addresses() == 0U);
}

BOOST_AUTO_TEST_CASE(addresses_with_a_prefix_in_common_share_their_places) {
    AddressQuota quota(1, {.ipv4 = 20, .ipv6 = 61});
    const auto ipv4 = quota.take(Address("10.1.31.1", 1));
    BOOST_TEST((quota.take(Address("10.1.16.255", 1)) == nullptr));
    BOOST_TEST((quota.take(Address("10.1.32.1", 1)) != nullptr));
    BOOST_TEST((quota.take(Address("10.1.15.1", 1)) != nullptr));
    const auto ipv6 = quota.take(Address("2001:db8:0:f::1", 1));
    BOOST_TEST((quota.take(Address("2001:db8:0:8:1:2:3:4", 1)) == nullptr));
    BOOST_TEST((quota.take(Address("2001:db8:0:7::1", 1)) != nullptr));
    BOOST_TEST((quota.take(Address("2001:db8:0:10::1", 1)) != nullptr));
}

BOOST_AUTO_TEST_CASE(a_prefix_of_nothing_is_everybody_of_the_family) {
    AddressQuota quota(1, {.ipv4 = 0, .ipv6 = 0});
    const auto ipv4 = quota.take(Address("10.0.0.1", 1));
    BOOST_TEST((quota.take(Address("192.0.2.1", 1)) == nullptr));
    const auto ipv6 = quota.take(Address("::1", 1));
    BOOST_TEST((ipv6 != nullptr));
    BOOST_TEST((quota.take(Address("2001:db8::1", 1)) == nullptr));
}

BOOST_AUTO_TEST_CASE(only_internet_addresses_count_and_only_with_a_bound) {
    BOOST_TEST(AddressQuota(1, {}).counts(Address("127.0.0.1", 1)));
    BOOST_TEST(AddressQuota(1, {}).counts(Address("::1", 1)));
    BOOST_TEST(!AddressQuota(1, {}).counts(Address::unix_path("@name")));
    BOOST_TEST(!AddressQuota(1, {}).counts(Address()));
    BOOST_TEST(!AddressQuota(0, {}).counts(Address("127.0.0.1", 1)));
}

BOOST_AUTO_TEST_CASE(places_may_outlive_the_quota) {
    std::shared_ptr<void> place;
    {
        AddressQuota quota(1, {});
        place = quota.take(Address("127.0.0.1", 1));
    }
    place.reset();
}

BOOST_AUTO_TEST_CASE(threads_never_hold_more_places_than_there_are) {
    AddressQuota quota(2, {});
    std::atomic<int> held{0};
    std::atomic<int> most{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int turn = 0; turn < 1000; ++turn) {
                const auto place = quota.take(Address("127.0.0.1", 1));
                if (!place)
                    continue;
                const int now = ++held;
                for (int former = most; former < now && !most.compare_exchange_weak(former, now);) {
                }
                --held;
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    BOOST_TEST(most <= 2);
    BOOST_TEST(most >= 1);
    BOOST_TEST(quota.addresses() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
