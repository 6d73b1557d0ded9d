#include "fixtures.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

// What goes wrong with fibers that are made naively, each by its name.

namespace socketserver::test {

namespace {

/// Waits when it is destroyed.
struct SleepsAtEnd {
    ~SleepsAtEnd() { sleep_for(1ms); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(hazards, CaseGuard)

BOOST_AUTO_TEST_CASE(exceptions_rethrown_after_a_wait_inside_catch_are_the_fibers_own) {
    for (const SelectorKind kind : selector_kinds) {
        FiberLoop loop(FiberLoopOptions{.selector = kind});
        std::vector<std::string> wrong;
        for (int i = 0; i < 50; ++i) {
            loop.spawn([&wrong, i] {
                const std::string own = std::to_string(i);
                try {
                    try {
                        throw std::runtime_error(own);
                    } catch (const std::exception&) {
                        sleep_for(std::chrono::milliseconds{i % 3});
                        throw;
                    }
                } catch (const std::exception& caught) {
                    if (caught.what() != own)
                        wrong.push_back(own + " caught " + caught.what());
                }
            });
        }
        run(loop);
        BOOST_TEST(wrong.empty());
    }
}

BOOST_AUTO_TEST_CASE(a_wait_during_unwinding_while_others_throw_and_wait) {
    FiberLoop loop;
    int own = 0;
    int clean = 0;
    for (int i = 0; i < 50; ++i) {
        loop.spawn([&own, &clean, i] {
            const std::string name = std::to_string(i);
            try {
                const SleepsAtEnd sleeps;
                throw std::runtime_error(name);
            } catch (const std::exception& caught) {
                own += caught.what() == name ? 1 : 0;
            }
            clean += std::uncaught_exceptions() == 0 && !std::current_exception() ? 1 : 0;
        });
    }
    run(loop);
    BOOST_TEST(own == 50);
    BOOST_TEST(clean == 50);
}

BOOST_AUTO_TEST_CASE(an_operation_tells_its_own_errno_whatever_others_do_meanwhile) {
    for (const SelectorKind kind : selector_kinds) {
        FiberLoop loop(FiberLoopOptions{.selector = kind});
        std::vector<error_code> errors;
        auto [server, client] = tcp_connection();
        bool done = false;
        loop.spawn([&, &socket = server] {
            error_code error;
            static_cast<void>(socket.recv(1, 0, error));
            errors.push_back(error);
            done = true;
        });
        loop.spawn([&] {
            while (!done) {
                errno = EDOM;
                loop.yield();
                errno = ERANGE;
                sleep_for(0ms);
            }
        });
        loop.spawn([&socket = client] {
            sleep_for(1ms);
            reset(socket);
        });
        run(loop);
        BOOST_TEST_REQUIRE(errors.size() == 1U);
        BOOST_TEST(errors.front() == system_code(ECONNRESET));
    }
}

BOOST_AUTO_TEST_CASE(ten_thousand_fibers_that_wait_and_end_leave_memory_and_mappings_flat) {
    FiberLoop loop;
    const auto rounds = [&](int count) {
        for (int round = 0; round < count; ++round) {
            for (int i = 0; i < 200; ++i)
                loop.spawn([] {
                    sleep_for(0ms);
                    static_cast<void>(use_stack(10'000));
                });
            run(loop);
        }
    };
    rounds(5);
    const std::size_t mapped = mappings();
    const std::size_t memory = resident();
    rounds(50);
    if (!under_sanitizer) {
        BOOST_TEST(mappings() <= mapped + 2);
        BOOST_TEST(resident() <= memory + (std::size_t{1} << 20U));
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace socketserver::test
