#include <socketserver/fiber/context.hpp>

#include "fixtures.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace socketserver::test {

namespace {

/// Runs a function on a stack of its own, and lets it switch to and fro.
class Routine {
public:
    Routine(StackPool& pool, std::function<void(Routine&)> f)
        : pool_(pool), stack_(pool.take()), f_(std::move(f)), context_(stack_, &Routine::enter, this) {}
    ~Routine() { pool_.give_back(stack_); }
    Routine(const Routine&) = delete;
    Routine& operator=(const Routine&) = delete;

    /// Goes on there, until it pauses or has ended.
    void go() { own_.switch_to(context_); }
    /// Called within: goes back to where go() was called.
    void pause() { context_.switch_to(own_); }
    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] const Stack& stack() const { return stack_; }

private:
    static void enter(void* argument) {
        Routine& self = *static_cast<Routine*>(argument);
        self.f_(self);
        self.ended_ = true;
        self.context_.finish(self.own_);
    }

    StackPool& pool_;
    Stack stack_;
    std::function<void(Routine&)> f_;
    Context own_;
    Context context_;
    bool ended_ = false;
};

/// Pauses when it is destroyed.
struct PausesAtEnd {
    Routine& routine;
    std::function<void()> before = [] {};
    ~PausesAtEnd() {
        before();
        routine.pause();
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(context, CaseGuard)

BOOST_AUTO_TEST_CASE(goes_on_where_it_left_with_its_variables) {
    StackPool pool;
    std::vector<int> seen;
    Routine routine(pool, [&](Routine& self) {
        for (int i = 1; i <= 3; ++i) {
            seen.push_back(i);
            self.pause();
        }
    });
    while (!routine.ended()) {
        seen.push_back(0);
        routine.go();
    }
    BOOST_TEST(seen == std::vector({0, 1, 0, 2, 0, 3, 0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(runs_on_the_stack_it_was_given_aligned_as_the_abi_asks) {
    StackPool pool;
    std::uintptr_t address = 0;
    double sum = 0;
    Routine routine(pool, [&](Routine&) {
        alignas(16) double values[2] = {1.5, 2.5};  // an SSE load would fault if misaligned
        address = reinterpret_cast<std::uintptr_t>(&values);
        sum = values[0] + values[1];
    });
    routine.go();
    BOOST_TEST(sum == 4.0);
    BOOST_TEST(address % 16 == 0U);
#ifndef TEST_UNDER_ASAN  // locals may live on a fake stack
    BOOST_TEST(address >= reinterpret_cast<std::uintptr_t>(routine.stack().bottom));
    BOOST_TEST(address < reinterpret_cast<std::uintptr_t>(routine.stack().top()));
#endif
}

BOOST_AUTO_TEST_CASE(two_that_throw_switch_inside_catch_and_rethrow_see_their_own_exception) {
    StackPool pool;
    std::vector<std::string> caught;
    const auto thrower = [&](const char* name) {
        return [&caught, name](Routine& self) {
            try {
                try {
                    throw std::runtime_error(name);
                } catch (const std::exception&) {
                    self.pause();
                    throw;
                }
            } catch (const std::exception& own) {
                caught.emplace_back(own.what());
                self.pause();
                // Still being handled.
                try {
                    std::rethrow_exception(std::current_exception());
                } catch (const std::exception& again) {
                    caught.emplace_back(again.what());
                }
            }
        };
    };
    Routine a(pool, thrower("a"));
    Routine b(pool, thrower("b"));
    for (int i = 0; i < 3; ++i) {
        a.go();
        b.go();
    }
    BOOST_TEST(a.ended());
    BOOST_TEST(b.ended());
    BOOST_TEST(caught == std::vector<std::string>({"a", "b", "a", "b"}), boost::test_tools::per_element());
    BOOST_TEST((std::current_exception() == nullptr));
}

BOOST_AUTO_TEST_CASE(an_exception_being_handled_outside_is_not_seen_inside) {
    StackPool pool;
    bool none_inside = false;
    Routine routine(pool, [&](Routine& self) {
        none_inside = std::current_exception() == nullptr;
        self.pause();
        none_inside = none_inside && std::current_exception() == nullptr;
    });
    try {
        throw std::logic_error("outside");
    } catch (const std::exception&) {
        routine.go();
        try {
            throw;
        } catch (const std::logic_error& own) {
            BOOST_TEST(own.what() == "outside");
        }
    }
    routine.go();
    BOOST_TEST(none_inside);
}

BOOST_AUTO_TEST_CASE(a_switch_while_the_stack_is_being_unwound_keeps_the_exception_on_its_way) {
    StackPool pool;
    std::vector<std::string> caught;
    const auto thrower = [&](const char* name) {
        return [&caught, name](Routine& self) {
            try {
                const PausesAtEnd pause{self};
                throw std::runtime_error(name);
            } catch (const std::exception& own) {
                caught.emplace_back(own.what());
            }
        };
    };
    Routine a(pool, thrower("a"));
    Routine b(pool, thrower("b"));
    a.go();
    b.go();
    // And the thread itself throws in between.
    BOOST_CHECK_THROW(throw std::logic_error("mine"), std::logic_error);
    a.go();
    b.go();
    BOOST_TEST(caught == std::vector<std::string>({"a", "b"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(each_counts_its_own_uncaught_exceptions) {
    StackPool pool;
    int unwinding = -1;
    int calm = -1;
    int outside = -1;
    Routine a(pool, [&](Routine& self) {
        try {
            const PausesAtEnd pause{self, [&] { unwinding = std::uncaught_exceptions(); }};
            throw std::runtime_error("a");
        } catch (const std::exception&) {
            unwinding += 10 * std::uncaught_exceptions();
        }
    });
    Routine b(pool, [&](Routine&) { calm = std::uncaught_exceptions(); });
    a.go();
    outside = std::uncaught_exceptions();
    b.go();
    a.go();
    BOOST_TEST(unwinding == 1);
    BOOST_TEST(calm == 0);
    BOOST_TEST(outside == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
