#include "fault_server.hpp"
#include "plain_server.hpp"

#include <support/children.hpp>
#include <support/eventually.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>

namespace socketserver::test {

namespace {

std::vector<std::string> by_shell(const TemporaryDirectory& folder, const std::string& setting,
                                  const std::vector<std::string>& command) {
    std::vector<std::string> words{"sh", "-c", "cd \"$0\" && " + setting, folder.path()};
    words.insert(words.end(), command.begin(), command.end());
    return words;
}

}  // namespace

ShellServer ShellServer::plain(const FaultMode& mode, const std::string& setting) {
    return {mode, setting, {program_path("plain_server"), mode.name, "socket"}};
}

ShellServer ShellServer::program(const FaultMode& mode, const std::string& setting) {
    std::vector<std::string> command{program_path("fault_server"), "--unix", "socket"};
    command.insert(command.end(), mode.arguments.begin(), mode.arguments.end());
    if (mode.preforks)
        command.insert(command.end(), {"--workers", std::to_string(mode.workers)});
    return {mode, setting, command};
}

ShellServer::ShellServer(const FaultMode& mode, const std::string& setting, const std::vector<std::string>& command)
    : preforks_(mode.preforks), program_(by_shell(folder_, setting, command)) {
    const auto listens = [this] {
        try {
            static_cast<void>(connect());
            return true;
        } catch (const std::system_error&) {
            return false;
        }
    };
    if (!eventually(listens))
        throw TimedOut("the server does not listen");
}

std::vector<pid_t> ShellServer::processes() const {
    std::vector<pid_t> all{program_.pid()};
    if (preforks_) {
        const auto workers = children_of(program_.pid());
        all.insert(all.end(), workers.begin(), workers.end());
    }
    return all;
}

std::string ShellServer::contents(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string ShellServer::ask(const std::string& line) const {
    try {
        Client client = connect();
        client.send(line + '\n');
        return line_or_end(client);
    } catch (const std::system_error&) {
        return "";
    }
}

}  // namespace socketserver::test
