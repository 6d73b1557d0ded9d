#pragma once

/// \file
/// The concurrencies by name: for programs that are told at run time which one to use.

#include <socketserver/concurrency/blocking.hpp>
#include <socketserver/concurrency/forking.hpp>
#include <socketserver/concurrency/preforking.hpp>
#include <socketserver/concurrency/selecting.hpp>
#include <socketserver/concurrency/thread_pool.hpp>
#include <socketserver/concurrency/threading.hpp>

#include <string_view>
#include <tuple>
#include <vector>

namespace socketserver {

/// A concurrency and its name. A value.
/// \tparam Type e.g. Threading
template <class Type>
struct NamedConcurrency {
    using Concurrency = Type;  ///< what stands for it as a template argument
    std::string_view name;     ///< as a command line has it
};

/// All of them: programs, benchmarks and tests read this table, CMake too (a line for each).
inline constexpr std::tuple concurrencies{
    NamedConcurrency<Blocking>{"blocking"},
    NamedConcurrency<Forking>{"forking"},
    NamedConcurrency<Threading>{"threading"},
    NamedConcurrency<ThreadPool>{"thread-pool"},
    NamedConcurrency<Selecting>{"selecting"},
    NamedConcurrency<Preforking<Blocking>>{"preforking-blocking"},
    NamedConcurrency<Preforking<Selecting>>{"preforking-selecting"},
    NamedConcurrency<Preforking<Threading>>{"preforking-threading"},
};

/// The names of all concurrencies.
/// \throw std::bad_alloc
[[nodiscard]] inline std::vector<std::string_view> concurrency_names() {
    return std::apply([](auto... each) { return std::vector{each.name...}; }, concurrencies);
}

/// Calls a function with the concurrency that has a name:
///
///     with_concurrency(argv[1], [&]<class Concurrency>(Concurrency) {
///         TCPServer<MyHandler, Concurrency>({"", 8000}).serve_forever();
///     });
///
/// The function is compiled for each of them.
/// \param name one of concurrency_names()
/// \param function what to call, with an object of the concurrency's type
/// \return whether there is one of that name; if not, nothing is called
/// \throw what the function throws
template <class Function>
bool with_concurrency(std::string_view name, Function&& function) {
    const auto call_if_named = [&]<class Type>(NamedConcurrency<Type> each) {
        if (each.name != name)
            return false;
        function(Type{});
        return true;
    };
    return std::apply([&](auto... each) { return (call_if_named(each) || ...); }, concurrencies);
}

}  // namespace socketserver
