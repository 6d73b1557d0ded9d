#include "process.hpp"

#include <support/children.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace socketserver::test {

namespace {

std::string folder_of(pid_t pid) {
    return "/proc/" + std::to_string(pid) + '/';
}

std::vector<int> numbers_in(const std::string& folder) {
    std::vector<int> found;
    DIR* const dir = ::opendir(folder.c_str());
    if (dir == nullptr)
        return found;
    while (const dirent* const entry = ::readdir(dir)) {
        if (entry->d_name[0] != '.')
            found.push_back(std::atoi(entry->d_name));
    }
    ::closedir(dir);
    std::sort(found.begin(), found.end());
    return found;
}

/// What /proc/PID/FILE says after `NAME:`, e.g. "0000000000000000" or "1234 kB"; "" if it is not there.
std::string field(pid_t pid, const std::string& file, const std::string& name) {
    std::ifstream lines(folder_of(pid) + file);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(name + ':'))
            return line.substr(line.find_first_not_of(" \t", name.size() + 1));
    }
    return "";
}

/// The fields of /proc/PID/stat from the third, the state, on.
std::vector<std::string> stat_of(pid_t pid) {
    std::ifstream file(folder_of(pid) + "stat");
    std::string line;
    std::getline(file, line);
    std::vector<std::string> fields;
    const auto end_of_name = line.rfind(')');
    if (end_of_name == std::string::npos)
        return fields;
    std::istringstream words(line.substr(end_of_name + 1));
    for (std::string word; words >> word;)
        fields.push_back(word);
    return fields;
}

/// Whether a signal is in a set that /proc/PID/status tells.
bool is_in_set(pid_t pid, const std::string& name, int signal) {
    const std::string set = field(pid, "status", name);
    return !set.empty() && (std::stoull(set, nullptr, 16) >> static_cast<unsigned>(signal - 1) & 1U) != 0;
}

}  // namespace

std::size_t zombies_of(pid_t pid) {
    const auto children = children_of(pid);
    return static_cast<std::size_t>(std::count_if(children.begin(), children.end(), [](pid_t child) {
        const auto fields = stat_of(child);
        return !fields.empty() && fields.front() == "Z";
    }));
}

bool is_running(pid_t pid) {
    const auto fields = stat_of(pid);
    return !fields.empty() && fields.front() != "Z" && fields.front() != "X";
}

bool is_sleeping(pid_t pid) {
    const auto fields = stat_of(pid);
    return !fields.empty() && fields.front() == "S";
}

bool waits_for_descriptors(pid_t pid) {
    constexpr std::array waits{
#ifdef SYS_epoll_wait  // newer architectures have the second of each pair only
        SYS_epoll_wait,  SYS_poll,  SYS_select,
#endif
        SYS_epoll_pwait, SYS_ppoll, SYS_pselect6,
    };
    std::ifstream file(folder_of(pid) + "syscall");
    std::string number;
    file >> number;
    // "running" is no number; nothing stands there where we have no right to know.
    return is_sleeping(pid) &&
           (number.empty() || std::find(waits.begin(), waits.end(), std::atol(number.c_str())) != waits.end());
}

bool is_stopped(pid_t pid) {
    const auto fields = stat_of(pid);
    return !fields.empty() && fields.front() == "T";
}

std::vector<int> descriptors_of(pid_t pid) {
    return numbers_in(folder_of(pid) + "fd");
}

std::vector<int> inheritable_descriptors_of(pid_t pid) {
    std::vector<int> found;
    for (const int fd : descriptors_of(pid)) {
        const std::string flags = field(pid, "fdinfo/" + std::to_string(fd), "flags");
        if (fd > STDERR_FILENO && !flags.empty() && (std::stol(flags, nullptr, 8) & O_CLOEXEC) == 0)
            found.push_back(fd);
    }
    return found;
}

std::size_t threads_of(pid_t pid) {
    return numbers_in(folder_of(pid) + "task").size();
}

long memory_of(pid_t pid) {
    const std::string kilobytes = field(pid, "status", "RssAnon");
    return kilobytes.empty() ? 0 : std::stol(kilobytes) * 1024;
}

long computing_time_of(pid_t pid) {
    constexpr std::size_t user = 11;
    constexpr std::size_t system = 12;
    const auto fields = stat_of(pid);
    return fields.size() <= system
               ? 0
               : (std::stol(fields[user]) + std::stol(fields[system])) * 100 / ::sysconf(_SC_CLK_TCK);
}

bool catches(pid_t pid, int signal) {
    return is_in_set(pid, "SigCgt", signal);
}

bool ignores(pid_t pid, int signal) {
    return is_in_set(pid, "SigIgn", signal);
}

bool blocks(pid_t pid, int signal) {
    return is_in_set(pid, "SigBlk", signal);
}

std::vector<std::string> standard_streams_of(pid_t pid) {
    std::vector<std::string> found;
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        std::error_code closed;
        const auto target = std::filesystem::read_symlink(folder_of(pid) + "fd/" + std::to_string(fd), closed);
        if (!closed)
            found.push_back(target);
    }
    return found;
}

int lowest_free_descriptor(pid_t pid) {
    int lowest = 0;
    for (const int fd : descriptors_of(pid)) {
        if (fd != lowest)
            break;
        ++lowest;
    }
    return lowest;
}

}  // namespace socketserver::test
