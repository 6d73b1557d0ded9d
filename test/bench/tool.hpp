#pragma once

/// \file
/// Running socketserver-bench as its users do.

#include <programs/program.hpp>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace socketserver::test {

/// Runs a benchmark program to its end, however long that takes, as long as it tells of progress.
[[nodiscard]] Outcome bench(const std::vector<std::string>& command);

/// What stands in a file of results.
[[nodiscard]] nlohmann::json read_json(const std::filesystem::path& path);

/// The measurement of a mode in one kind of loop.
/// \throw std::runtime_error if there is none
[[nodiscard]] const nlohmann::json& find(const nlohmann::json& results, const std::string& mode,
                                         const std::string& loop);

/// The numbers of processors that this process may use, two at most.
[[nodiscard]] std::vector<std::string> some_processors();

/// A program that only serves for tests.
[[nodiscard]] std::string test_handler();

}  // namespace socketserver::test
