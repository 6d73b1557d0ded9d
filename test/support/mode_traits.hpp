#pragma once

/// \file
/// In what the modes differ that tests ask for: a line for each.

#include <socketserver/concurrencies.hpp>

namespace socketserver::test {

/// What tests ask of a mode. A value.
struct ModeTraits {
    bool forks = false;              ///< each handler runs in a child of its own
    bool preforks = false;           ///< the server's loop, and with it all hooks of requests, run in children
    bool has_threads = false;        ///< requests are got and served in threads of their own
    bool serves_in_threads = false;  ///< requests are got in the serving thread, and served in threads of their own
    bool has_fibers = false;         ///< handlers run on fibers
    bool one_at_a_time = false;      ///< a process serves one request after the other: no option bounds how many
};

template <class Concurrency>
inline constexpr ModeTraits traits_of{};
template <>
inline constexpr ModeTraits traits_of<Blocking>{.one_at_a_time = true};
template <>
inline constexpr ModeTraits traits_of<Forking>{.forks = true};
template <>
inline constexpr ModeTraits traits_of<Selecting>{.has_fibers = true};
template <>
inline constexpr ModeTraits traits_of<Threading>{.has_threads = true};
template <>
inline constexpr ModeTraits traits_of<ThreadPool>{.has_threads = true};
template <class Inner>
inline constexpr ModeTraits traits_of<Preforking<Inner>>{.preforks = true,
                                                         .has_threads = traits_of<Inner>.has_threads,
                                                         .has_fibers = traits_of<Inner>.has_fibers,
                                                         .one_at_a_time = traits_of<Inner>.one_at_a_time};

}  // namespace socketserver::test
