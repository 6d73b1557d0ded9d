#pragma once

/// \file
/// The fault suite: what a server survives under every concurrency.
///
/// FAULT_CASE makes one test case for each concurrency to which a scenario of docs/reliability.md applies,
/// `fault_15_NAME/forking` and so on. Nearly all of them drive a real program from outside.

#include <support/mode_traits.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace socketserver::test {

/// A concurrency, as the command line of a program says it.
struct FaultMode : ModeTraits {
    std::string name;                    ///< "preforking-selecting"
    std::vector<std::string> arguments;  ///< --mode preforking --inner selecting
    int workers = 0;                     ///< how many processes serve, if it preforks

    /// The same, but for the number of processes: 1, if it preforks.
    [[nodiscard]] FaultMode with_one_worker() const;
};

/// Which concurrencies a scenario applies to.
using FaultModes = std::vector<FaultMode> (*)();

[[nodiscard]] std::vector<FaultMode> every_mode();
[[nodiscard]] std::vector<FaultMode> several_at_a_time();  ///< those that serve several at a time
[[nodiscard]] std::vector<FaultMode> forking_mode();
[[nodiscard]] std::vector<FaultMode> preforking_modes();
[[nodiscard]] std::vector<FaultMode> modes_of_threads();      ///< threading, thread-pool
[[nodiscard]] std::vector<FaultMode> modes_of_all_threads();  ///< the same, and preforking with threads
[[nodiscard]] std::vector<FaultMode> modes_of_fibers();
[[nodiscard]] std::vector<FaultMode> modes_of_children();  ///< forking and preforking

/// Whether cases bear all the load that their scenarios name: the environment variable SOCKETSERVER_FAULTS is "full"
/// (script/reliability --full).
[[nodiscard]] bool loads_are_full();

/// How much of something a case does: little in CI, all that the scenario names if loads_are_full(). The figure of a case that asks
/// goes into the table of its own then.
[[nodiscard]] int load(int in_ci, int in_full);

/// "10,000"
[[nodiscard]] std::string grouped(long number);

/// Registers a fault case with Boost.Test. Made by FAULT_CASE.
class FaultCase {
public:
    FaultCase(int scenario, std::string_view name, FaultModes which, std::string (*body)(const FaultMode&),
              const char* file, std::size_t line);
};

}  // namespace socketserver::test

/// Defines a case: `FAULT_CASE(15, leaves_no_zombie, forking_mode) { ... mode ...; return "1,000 requests, 0 zombies"; }`.
/// It returns its figure, for the table.
#define FAULT_CASE(scenario, name, modes)                                                                              \
    static std::string name(const ::socketserver::test::FaultMode& mode);                                              \
    static const ::socketserver::test::FaultCase name##_cases(scenario, #name, &(modes), &(name), __FILE__, __LINE__); \
    static std::string name([[maybe_unused]] const ::socketserver::test::FaultMode& mode)
