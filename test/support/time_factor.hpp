#pragma once

/// \file
/// How much slower this build runs than an ordinary one.

namespace socketserver::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/// What time limits of tests are multiplied by.
inline constexpr int time_factor = 4;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
/// What time limits of tests are multiplied by.
inline constexpr int time_factor = 4;
#else
/// What time limits of tests are multiplied by.
inline constexpr int time_factor = 1;
#endif
#else
/// What time limits of tests are multiplied by.
inline constexpr int time_factor = 1;
#endif

}  // namespace socketserver::test
