#pragma once

/// \file
/// The children of a process.

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include <sys/types.h>

namespace socketserver::test {

/// The children of a process, whichever of its threads made them, zombies included; none if it is gone.
/// \param pid its number
[[nodiscard]] inline std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> found;
    std::error_code gone;
    std::filesystem::directory_iterator thread("/proc/" + std::to_string(pid) + "/task", gone);
    for (; !gone && thread != std::filesystem::directory_iterator(); thread.increment(gone)) {
        std::ifstream children(thread->path() / "children");
        for (pid_t child = 0; children >> child;)
            found.push_back(child);
    }
    return found;
}

}  // namespace socketserver::test
