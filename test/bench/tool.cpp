#include "tool.hpp"

#include <sched.h>

#include <fstream>
#include <stdexcept>
#include <utility>

namespace socketserver::test {

Outcome bench(const std::vector<std::string>& command) {
    Program program(command);
    program.end_input();
    std::string error;
    for (std::string line = program.error_line(); !line.empty(); line = program.error_line())
        error += line;
    std::string output = program.output();
    return {program.wait(), std::move(output), std::move(error)};
}

nlohmann::json read_json(const std::filesystem::path& path) {
    std::ifstream file(path);
    return nlohmann::json::parse(file);
}

const nlohmann::json& find(const nlohmann::json& results, const std::string& mode, const std::string& loop) {
    for (const nlohmann::json& each : results.at("measurements")) {
        if (each.at("mode") == mode && each.at("loop") == loop)
            return each;
    }
    throw std::runtime_error("no measurement of " + mode);
}

std::vector<std::string> some_processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    ::sched_getaffinity(0, sizeof set, &set);
    std::vector<std::string> numbers;
    for (std::size_t processor = 0; processor < CPU_SETSIZE && numbers.size() < 2; ++processor) {
        if (CPU_ISSET(processor, &set))
            numbers.push_back(std::to_string(processor));
    }
    return numbers;
}

std::string test_handler() {
    return program_path("bench_test_handler");
}

}  // namespace socketserver::test
