#include "tool.hpp"

#include <fstream>
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

std::string test_handler() {
    return program_path("bench_test_handler");
}

}  // namespace socketserver::test
