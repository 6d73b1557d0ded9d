#pragma once

/// \file
/// The modes that the contract holds for, and in what they differ: a line for each.

#include "thread_per_request.hpp"

#include <socketserver/socketserver.hpp>

namespace socketserver::test {

/// What the cases of the contract ask of a mode. A value.
struct ModeTraits {
    bool forks = false;              ///< each handler runs in a child of its own
    bool preforks = false;           ///< the server's loop, and with it all hooks of requests, run in children
    bool has_threads = false;        ///< requests are got and served in threads of their own
    bool serves_in_threads = false;  ///< requests are got in the serving thread, and served in threads of their own
    bool bounded = true;             ///< the mode has an option that bounds how many requests run at once
};

template <class Concurrency>
inline constexpr ModeTraits traits_of{};
template <>
inline constexpr ModeTraits traits_of<Blocking>{.bounded = false};
template <>
inline constexpr ModeTraits traits_of<Forking>{.forks = true};
template <>
inline constexpr ModeTraits traits_of<Selecting>{};
template <>
inline constexpr ModeTraits traits_of<Threading>{.has_threads = true};
template <>
inline constexpr ModeTraits traits_of<ThreadPool>{.has_threads = true};
template <class Inner>
inline constexpr ModeTraits traits_of<Preforking<Inner>>{
    .preforks = true, .has_threads = traits_of<Inner>.has_threads, .bounded = traits_of<Inner>.bounded};
template <>
inline constexpr ModeTraits traits_of<ThreadPerRequest>{.serves_in_threads = true};

}  // namespace socketserver::test
