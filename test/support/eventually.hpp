#pragma once

/// \file
/// Waiting for something that has no descriptor, latch or future to wait on.

#include "time_factor.hpp"

#include <chrono>
#include <thread>
#include <utility>

namespace socketserver::test {

/// Polls a condition until it holds. The only place of the tests that may nap: whatever can be waited for
/// by other means is waited for by them.
/// \param predicate the condition; called once a millisecond, in the calling thread
/// \param timeout when to give up; four times as long under a sanitizer
/// \return whether the condition came to hold: `BOOST_TEST(eventually([&] { return done.load(); }))`
template <class Predicate>
[[nodiscard]] bool eventually(Predicate&& predicate, std::chrono::milliseconds timeout = std::chrono::seconds{10}) {
    const auto deadline = std::chrono::steady_clock::now() + timeout * time_factor;
    while (!predicate()) {
        if (std::chrono::steady_clock::now() >= deadline)
            return static_cast<bool>(predicate());
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return true;
}

}  // namespace socketserver::test
