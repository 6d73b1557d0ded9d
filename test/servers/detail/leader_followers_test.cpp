#include "support/case_guard.hpp"
#include "support/eventually.hpp"

#include <socketserver/detail/leader_followers.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>

#include <semaphore.h>

namespace socketserver::test {

using ::socketserver::detail::LeaderFollowers;

namespace {

constexpr std::size_t stack = std::size_t{1} << 20U;

/// Threads of which each leads until it is given a piece of work, does it when told to, and begins again.
class Crew {
public:
    explicit Crew(LeaderFollowers::Limits limits)
        : crew_(
              limits, [this] { live(); }, [this](const std::exception&) { ++failures_; }) {
        ::sem_init(&given_, 0, 0);
        ::sem_init(&done_, 0, 0);
        crew_.open(limits.most);
    }
    ~Crew() {
        crew_.close();
        for (int i = 0; i < 100; ++i) {
            ::sem_post(&given_);
            ::sem_post(&done_);
        }
        crew_.wait_until_vacant();
        crew_.threads().join(Deadline::never());
        ::sem_destroy(&given_);
        ::sem_destroy(&done_);
    }
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    [[nodiscard]] LeaderFollowers& crew() { return crew_; }
    void give() { ::sem_post(&given_); }
    void finish() { ::sem_post(&done_); }
    [[nodiscard]] bool comes_to(int leading, int working) const {
        return eventually([&] { return leading_ == leading && working_ == working; });
    }
    [[nodiscard]] int most_leading() const { return most_leading_; }
    [[nodiscard]] int failures() const { return failures_; }
    [[nodiscard]] bool comes_to_have(std::size_t threads) {
        return eventually([&] {
            crew_.threads().release_finished();
            return crew_.threads().tracked() == threads;
        });
    }

private:
    void live() {
        while (crew_.lead()) {
            const int now = ++leading_;
            if (now > most_leading_)
                most_leading_ = now;
            ::sem_wait(&given_);
            --leading_;
            crew_.step_down();
            ++working_;
            ::sem_wait(&done_);
            --working_;
        }
    }

    std::atomic<int> leading_{0};
    std::atomic<int> most_leading_{0};
    std::atomic<int> working_{0};
    std::atomic<int> failures_{0};
    ::sem_t given_{};
    ::sem_t done_{};
    LeaderFollowers crew_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(leader_followers, CaseGuard)

BOOST_AUTO_TEST_CASE(one_leads_whatever_the_number_of_threads) {
    Crew scene({.least = 4, .most = 4, .followers = 4, .stack_size = stack});
    BOOST_TEST(scene.crew().fill());
    for (int i = 1; i <= 3; ++i) {
        scene.give();
        BOOST_TEST(scene.comes_to(1, i));
    }
    scene.give();
    BOOST_TEST(scene.comes_to(0, 4));  // none is left to lead
    scene.finish();
    BOOST_TEST(scene.comes_to(1, 3));
    BOOST_TEST(scene.most_leading() == 1);
}

BOOST_AUTO_TEST_CASE(makes_a_thread_when_none_is_left_to_lead) {
    Crew scene({.least = 1, .most = 3, .followers = 3, .stack_size = stack});
    BOOST_TEST(scene.crew().fill());
    BOOST_TEST(scene.comes_to(1, 0));
    BOOST_TEST(scene.crew().threads().tracked() == 1U);
    scene.give();
    BOOST_TEST(scene.comes_to(1, 1));
    BOOST_TEST(scene.crew().threads().tracked() == 2U);
    scene.finish();
    BOOST_TEST(eventually([&] { return scene.crew().followers() == 1; }));
    scene.give();
    BOOST_TEST(scene.comes_to(1, 1));
    BOOST_TEST(scene.crew().threads().tracked() == 2U);  // the one that had done leads again
}

BOOST_AUTO_TEST_CASE(a_follower_too_many_leaves) {
    Crew scene({.least = 1, .most = 10, .followers = 1, .stack_size = stack});
    BOOST_TEST(scene.crew().fill());
    for (int i = 1; i <= 4; ++i) {
        scene.give();
        BOOST_TEST(scene.comes_to(1, i));
    }
    BOOST_TEST(scene.crew().threads().tracked() == 5U);
    for (int i = 0; i < 4; ++i)
        scene.finish();
    BOOST_TEST(scene.comes_to(1, 0));
    BOOST_TEST(scene.comes_to_have(2));
}

BOOST_AUTO_TEST_CASE(whoever_finds_it_vacant_leads) {
    Crew scene({.least = 1, .most = 1, .followers = 1, .stack_size = stack});
    BOOST_TEST(scene.crew().fill());
    BOOST_TEST(scene.comes_to(1, 0));
    BOOST_TEST(!scene.crew().lead_if_vacant());
    scene.give();
    BOOST_TEST(scene.comes_to(0, 1));
    BOOST_TEST(scene.crew().lead_if_vacant());
    scene.finish();
    BOOST_TEST(scene.comes_to(0, 0));
    scene.crew().step_down();
    BOOST_TEST(scene.comes_to(1, 0));
}

BOOST_AUTO_TEST_CASE(all_leave_once_it_is_closed) {
    Crew scene({.least = 3, .most = 3, .followers = 3, .stack_size = stack});
    BOOST_TEST(scene.crew().fill());
    scene.give();
    BOOST_TEST(scene.comes_to(1, 1));
    scene.crew().close();
    BOOST_TEST(scene.crew().closed());
    BOOST_TEST(scene.comes_to_have(2));
    scene.give();
    scene.crew().wait_until_vacant();
    scene.finish();
    scene.finish();
    BOOST_TEST(scene.comes_to_have(0));
    BOOST_TEST(scene.crew().fill());
    BOOST_TEST(scene.comes_to_have(0));  // a thread would leave at once
    scene.crew().open(3);
    BOOST_TEST(scene.crew().fill());
    BOOST_TEST(scene.comes_to(1, 0));
}

BOOST_AUTO_TEST_CASE(a_thread_that_leaves_only_after_it_was_opened_again_is_replaced) {
    std::atomic<int> leading{0};
    std::atomic<bool> step_down{false};
    std::atomic<bool> leaving{false};
    std::atomic<bool> may_leave{false};
    std::function<void()> life;
    LeaderFollowers crew(
        {.least = 1, .most = 2, .followers = 1, .stack_size = stack}, [&] { life(); }, [](const std::exception&) {});
    life = [&] {
        while (crew.lead()) {
            ++leading;
            static_cast<void>(eventually([&] { return step_down.load(); }));
            --leading;
            crew.step_down();
        }
        leaving = true;
        static_cast<void>(eventually([&] { return may_leave.load(); }));
    };
    crew.open(2);
    BOOST_TEST(crew.fill());
    BOOST_TEST(eventually([&] { return leading == 1; }));
    crew.close();
    step_down = true;
    BOOST_TEST(eventually([&] { return leaving.load(); }));
    step_down = false;
    crew.open(2);
    BOOST_TEST(crew.fill());
    may_leave = true;
    BOOST_TEST(eventually([&] { return leading == 1; }));
    crew.close();
    step_down = true;
    BOOST_TEST(crew.threads().join(Deadline::never()));
}

BOOST_AUTO_TEST_CASE(says_once_that_no_thread_can_be_made) {
    Crew scene({.least = 1, .most = 1, .followers = 1, .stack_size = std::size_t{1} << 50U});
    BOOST_TEST(!scene.crew().fill());
    BOOST_TEST(!scene.crew().fill());
    BOOST_TEST(scene.failures() == 1);
    BOOST_TEST(scene.crew().threads().tracked() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
