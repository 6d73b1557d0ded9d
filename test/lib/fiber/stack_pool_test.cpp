#include <socketserver/fiber/stack_pool.hpp>

#include "fixtures.hpp"
#include "support/forked.hpp"
#include "support/rlimit.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <cstring>
#include <set>
#include <vector>

#include <sys/mman.h>

namespace socketserver::test {

namespace {

void touch(const Stack& stack) {
    std::memset(stack.bottom, 1, stack.size);
}

std::size_t resident_pages(const Stack& stack) {
    std::vector<unsigned char> pages(stack.size / static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
    if (::mincore(stack.bottom, stack.size, pages.data()) != 0)
        return 0;
    std::size_t count = 0;
    for (const unsigned char page : pages)
        count += page & 1U;
    return count;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(stack_pool, CaseGuard)

BOOST_AUTO_TEST_CASE(stacks_are_of_whole_pages_and_do_not_overlap) {
    StackPool pool(100'001);
    std::vector<Stack> stacks;
    stacks.reserve(130);
    for (int i = 0; i < 130; ++i)  // more than a slab
        stacks.push_back(pool.take());
    BOOST_TEST(pool.in_use() == 130U);
    std::set<std::byte*> bottoms;
    for (const Stack& stack : stacks) {
        BOOST_TEST_REQUIRE(stack.size >= 100'001U);
        BOOST_TEST_REQUIRE(stack.size % 4096 == 0U);
        BOOST_TEST_REQUIRE(reinterpret_cast<std::uintptr_t>(stack.top()) % 16 == 0U);
        touch(stack);
        bottoms.insert(stack.bottom);
    }
    std::byte* former_top = nullptr;
    for (std::byte* const bottom : bottoms) {
        BOOST_TEST_REQUIRE((former_top == nullptr || bottom >= former_top + StackPool::guard_size));
        former_top = bottom + stacks.front().size;
    }
    BOOST_TEST(bottoms.size() == 130U);
    for (const Stack& stack : stacks)
        pool.give_back(stack);
    BOOST_TEST(pool.in_use() == 0U);
}

BOOST_AUTO_TEST_CASE(tells_how_guards_are_made) {
    StackPool automatic;
    BOOST_TEST((automatic.guard() == GuardKind::automatic));
    automatic.give_back(automatic.take());
    BOOST_TEST((automatic.guard() != GuardKind::automatic));
    StackPool protecting(StackPool::default_stack_size, GuardKind::protect);
    protecting.give_back(protecting.take());
    BOOST_TEST((protecting.guard() == GuardKind::protect));
}

#ifndef TEST_UNDER_ASAN
BOOST_AUTO_TEST_CASE(writing_into_the_guard_dies_by_the_signal_whichever_way_it_is_made) {
    for (const GuardKind kind : {GuardKind::automatic, GuardKind::protect}) {
        StackPool pool(StackPool::default_stack_size, kind);
        static_cast<void>(pool.take());
        const Stack stack = pool.take();  // one with another one below it
        for (const std::size_t below : {std::size_t{1}, StackPool::guard_size / 2, StackPool::guard_size}) {
            const int ended = in_child([&] {
                ::signal(SIGSEGV, SIG_DFL);
                *const_cast<volatile std::byte*>(stack.bottom - below) = std::byte{1};
                return 0;
            });
            BOOST_TEST((ended == -SIGSEGV || (under_sanitizer && ended != 0)));
        }
        BOOST_TEST(in_child([&] {
                       *const_cast<volatile std::byte*>(stack.bottom) = std::byte{1};
                       *const_cast<volatile std::byte*>(stack.top() - 1) = std::byte{1};
                       return 0;
                   }) == 0);
    }
}
#endif

BOOST_AUTO_TEST_CASE(names_the_stack_whose_guard_an_address_lies_in) {
    for (const GuardKind kind : {GuardKind::automatic, GuardKind::protect}) {
        StackPool pool(StackPool::default_stack_size, kind);
        int local = 0;
        BOOST_TEST(pool.guarded_stack(&local) == nullptr);
        for (int i = 0; i < 70; ++i) {
            const Stack stack = pool.take();
            BOOST_TEST(pool.guarded_stack(stack.bottom - 1) == stack.bottom);
            BOOST_TEST(pool.guarded_stack(stack.bottom - StackPool::guard_size) == stack.bottom);
            BOOST_TEST(pool.guarded_stack(stack.bottom) == nullptr);
            BOOST_TEST(pool.guarded_stack(stack.top() - 1) == nullptr);
        }
        BOOST_TEST(pool.guarded_stack(nullptr) == nullptr);
        BOOST_TEST(pool.guarded_stack(&local) == nullptr);
    }
}

BOOST_AUTO_TEST_CASE(a_stack_given_back_is_the_next_one_handed_out) {
    StackPool pool;
    const Stack first = pool.take();
    const Stack second = pool.take();
    pool.give_back(first);
    BOOST_TEST(pool.take().bottom == first.bottom);
    pool.give_back(second);
    pool.give_back(first);
    BOOST_TEST(pool.take().bottom == first.bottom);
}

BOOST_AUTO_TEST_CASE(ten_thousand_takes_need_no_more_memory_and_no_more_mappings_than_the_first) {
    for (const GuardKind kind : {GuardKind::automatic, GuardKind::protect}) {
        StackPool pool(StackPool::default_stack_size, kind);
        const auto rounds = [&](int count) {
            for (int i = 0; i < count; ++i) {
                const Stack a = pool.take();
                const Stack b = pool.take();
                *(a.top() - 1) = *(b.top() - 1) = std::byte{1};
                pool.give_back(a);
                pool.give_back(b);
            }
        };
        rounds(100);
        const std::size_t mapped = mappings();
        const std::size_t memory = resident();
        rounds(5000);
        BOOST_TEST(mappings() <= mapped + 2);
        BOOST_TEST(resident() <= memory + (std::size_t{1} << 20U));
    }
}

BOOST_AUTO_TEST_CASE(of_many_stacks_that_are_free_those_used_last_keep_their_pages) {
    StackPool pool(std::size_t{16} << 10U);
    std::vector<Stack> stacks;
    for (int i = 0; i < 200; ++i) {
        stacks.push_back(pool.take());
        touch(stacks.back());
    }
    for (const Stack& stack : stacks)
        pool.give_back(stack);
    for (std::size_t i = 0; i < stacks.size(); ++i)
        BOOST_TEST(resident_pages(stacks[i]) == (i < 200 - 64 ? 0U : 4U));
    // Nor do they lose them by being used again.
    for (int i = 0; i < 1000; ++i) {
        const Stack stack = pool.take();
        BOOST_REQUIRE(resident_pages(stack) == 4);
        pool.give_back(stack);
    }
}

BOOST_AUTO_TEST_CASE(no_memory_to_be_mapped_is_an_error_and_leaves_the_pool_usable) {
    StackPool pool(gibibyte);
    {
        const ScopedRlimit limit(RLIMIT_AS, address_space_with(gibibyte));
        CHECK_FAILS(pool.take(), ENOMEM, "mmap of fiber stacks");
    }
    BOOST_TEST(pool.in_use() == 0U);
    const Stack stack = pool.take();
    *(stack.top() - 1) = std::byte{1};
    pool.give_back(stack);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
