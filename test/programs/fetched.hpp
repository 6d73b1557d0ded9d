#pragma once

/// \file
/// What the tests of fetch check alike.

#include "program.hpp"

#include <support/eventually.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace socketserver::test {

inline Outcome run_fetch(const std::vector<std::string>& arguments) {
    std::vector<std::string> command{"fetch"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run(command);
}

/// Checks that it succeeds, and what it prints.
inline void check_printed(const std::vector<std::string>& arguments, const std::string& output) {
    const Outcome outcome = run_fetch(arguments);
    BOOST_TEST(outcome.output == output);
    BOOST_TEST(outcome.error == "");
    BOOST_TEST(outcome.status == 0);
}

/// Checks that it fails with one line.
inline void check_failure(const std::vector<std::string>& arguments, const std::string& message) {
    const Outcome outcome = run_fetch(arguments);
    BOOST_TEST(outcome.error == "fetch: " + message + "\n");
    BOOST_TEST(outcome.output == "");
    BOOST_TEST(outcome.status == 1);
}

inline std::string in_place_of(std::string text, const std::string& what, const std::string& by) {
    const auto at = text.find(what);
    return at == std::string::npos ? text : text.replace(at, what.size(), by);
}

inline std::string contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// The names in a folder, a line each.
inline std::string names_in(const std::filesystem::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    std::string lines;
    for (const std::string& name : names)
        lines += name + '\n';
    return lines;
}

/// The most memory that a process has had resident, in bytes; 0 if it is gone.
inline std::uint64_t peak_memory(pid_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/status");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("VmHWM:"))
            return std::stoull(line.substr(6)) * 1024;
    }
    return 0;
}

}  // namespace socketserver::test
