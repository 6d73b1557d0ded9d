#pragma once

/// \file
/// What the tests of lib/socketserver/fiber share.

#include "../net/fixtures.hpp"
#include "support/case_guard.hpp"

#include <socketserver/fiber/fiber_loop.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <ostream>
#include <string>
#include <utility>

#include <unistd.h>

// What the sanitizers keep to themselves cannot be tested with them.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_UNDER_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define TEST_UNDER_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define TEST_UNDER_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define TEST_UNDER_TSAN 1
#endif

namespace socketserver {
inline std::ostream& boost_test_print_type(std::ostream& to, SelectorKind kind) {
    return to << to_string(kind);
}
inline std::ostream& boost_test_print_type(std::ostream& to, WaitResult result) {
    constexpr std::array<const char*, 4> names{"ready", "timed_out", "stopped", "cut"};
    return to << names[static_cast<std::size_t>(result)];
}
}  // namespace socketserver

namespace socketserver::test {

#if defined(TEST_UNDER_ASAN) || defined(TEST_UNDER_TSAN)
inline constexpr bool under_sanitizer = true;
#else
inline constexpr bool under_sanitizer = false;
#endif

inline constexpr std::size_t gibibyte = std::size_t{1} << 30U;

/// Every way in which a loop can wait.
inline constexpr std::array selector_kinds{SelectorKind::epoll, SelectorKind::poll, SelectorKind::select};

/// Runs a loop until all its fibers have ended.
inline void run(FiberLoop& loop) {
    while (loop.busy())
        loop.run_once(Deadline::never());
}

/// Runs fibers in a loop of their own until all have ended.
template <class... Work>
void run_fibers(SelectorKind kind, Work... work) {
    FiberLoop loop(FiberLoopOptions{.selector = kind});
    (loop.spawn(std::move(work)), ...);
    run(loop);
}

/// How many mappings this process has.
inline std::size_t mappings() {
    std::ifstream file("/proc/self/maps");
    std::size_t count = 0;
    for (std::string line; std::getline(file, line);)
        ++count;
    return count;
}

/// How much memory of this process is resident, in bytes.
inline std::size_t resident() {
    std::ifstream file("/proc/self/statm");
    std::size_t all = 0;
    std::size_t pages = 0;
    file >> all >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// Uses that much stack, and memory between its ends.
[[gnu::noinline]] inline unsigned use_stack(std::size_t bytes) {
    volatile char block[4096];
    block[0] = static_cast<char>(bytes);
    block[sizeof block - 1] = 1;
    const unsigned below = bytes > sizeof block ? use_stack(bytes - sizeof block) : 0U;
    return below + static_cast<unsigned>(block[0]) + static_cast<unsigned>(block[sizeof block - 1]);
}

}  // namespace socketserver::test
