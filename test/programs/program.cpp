#include "program.hpp"

#include <support/eventually.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace socketserver::test {

namespace {

using detail::ClientSocket;

/// A stream of a program: the test's end, and the program's.
std::pair<Client, ClientSocket> make_stream() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw std::system_error(errno, std::system_category(), "socketpair");
    return {Client(ends[0]), ClientSocket(ends[1])};
}

pid_t spawn(std::vector<std::string> command, const std::vector<std::pair<int, int>>& descriptors) {
    const std::string path = program_path(command.front());
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (std::string& argument : command)
        arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    for (const auto& [from, to] : descriptors)
        ::posix_spawn_file_actions_adddup2(&actions, from, to);
    pid_t pid = -1;
    const int failure = ::posix_spawnp(&pid, path.c_str(), &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failure != 0)
        throw std::system_error(failure, std::system_category(), "cannot run " + path);
    return pid;
}

/// Whether a line of a server is of the warning of a handler that holds up its thread, or of the stack below it.
bool tells_of_a_stall(const std::string& line) {
    return line.find(": holds up all others of its thread for more than ") != std::string::npos ||
           (line.find(":     ") != std::string::npos && line.ends_with("]\n"));
}

}  // namespace

Program::Program(const std::vector<std::string>& command) : Program(command, Inherited{}) {}

Program::Program(const std::vector<std::string>& command, Inherited inherited) : started_(start(command, inherited)) {}

Program::Started Program::start(const std::vector<std::string>& command, Inherited inherited) {
    auto [input, their_input] = make_stream();
    auto [output, their_output] = make_stream();
    auto [error, their_error] = make_stream();
    // Copied out of the way of what is given to the program, since one may have such a number itself.
    constexpr int out_of_the_way = 10;
    std::vector<ClientSocket> copies;
    std::vector<std::pair<int, int>> descriptors;
    const auto give = [&](int from, int to) {
        copies.emplace_back(::fcntl(from, F_DUPFD_CLOEXEC, out_of_the_way));
        descriptors.emplace_back(copies.back().get(), to);
    };
    give(inherited.standard_input >= 0 ? inherited.standard_input : their_input.get(), STDIN_FILENO);
    give(their_output.get(), STDOUT_FILENO);
    give(their_error.get(), STDERR_FILENO);
    if (inherited.three >= 0)
        give(inherited.three, 3);
    for (int fd = 3; fd < inherited.many; ++fd)
        descriptors.emplace_back(their_input.get(), fd);
    const pid_t pid = spawn(command, descriptors);
    return {std::move(input), std::move(output), std::move(error), pid};
}

Program::~Program() {
    if (status_)
        return;
    ::kill(started_.pid, SIGKILL);
    ::waitpid(started_.pid, nullptr, 0);
}

std::string Program::error_line() {
    std::string line = started_.error.read_line();
    while (tells_of_a_stall(line))
        line = started_.error.read_line();
    return line;
}

std::string Program::error() {
    std::istringstream said(started_.error.read_all());
    std::string kept;
    for (std::string line; std::getline(said, line);) {
        line += said.eof() ? "" : "\n";
        kept += tells_of_a_stall(line) ? "" : line;
    }
    return kept;
}

void Program::signal(int number) const {
    ::kill(started_.pid, number);
}

int Program::wait() {
    int status = 0;
    if (!status_) {
        if (!eventually([&] { return ::waitpid(started_.pid, &status, WNOHANG) == started_.pid; }))
            throw TimedOut("the program does not end");
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    return *status_;
}

Outcome run(const std::vector<std::string>& command, std::string_view input) {
    Program program(command);
    try {
        program.write(input);
        program.end_input();
    } catch (const std::system_error& failure) {
        if (failure.code().value() != EPIPE)
            throw;
        // It has ended without reading it all.
    }
    std::string output = program.output();
    std::string error = program.error();
    return {program.wait(), std::move(output), std::move(error)};
}

Server::Server(const std::vector<std::string>& command, Inherited inherited) : Program(command, inherited) {
    const std::string line = output_line();
    std::istringstream words(line);
    std::string name;
    std::string listening;
    std::string on;
    std::string mode;
    words >> name >> listening >> on >> family_ >> address_ >> mode;
    if (mode.size() > 2)
        mode_ = mode.substr(1, mode.size() - 2);
    // "sh -c SCRIPT PROGRAM" runs a program, too.
    const std::filesystem::path program = command.front() == "sh" ? command.at(3) : command.front();
    if (line != program.filename().string() + ": listening on " + family_ + ' ' + address_ + " (" + mode_ + ")\n") {
        signal(SIGKILL);
        throw std::runtime_error("a server said '" + line + "' and '" + error() + "'");
    }
}

std::uint16_t Server::port() const {
    return static_cast<std::uint16_t>(std::stoi(address_.substr(address_.rfind(':') + 1)));
}

Client Server::connect() const {
    if (family_ == "unix")
        return Client(std::filesystem::path(address_));
    return {address_.starts_with('[') ? "::1" : "127.0.0.1", port()};
}

DatagramClient Server::datagrams() const {
    if (family_ == "unix")
        return DatagramClient(std::filesystem::path(address_));
    return {address_.starts_with('[') ? "::1" : "127.0.0.1", port()};
}

std::string Server::stop() {
    return stop(SIGTERM);
}

std::string Server::stop(int number) {
    signal(number);
    std::string said = error();
    if (const int status = wait(); status != 0)
        said += "exit " + std::to_string(status) + '\n';
    return said;
}

std::string program_path(const std::string& name) {
    for (const char* const folder : {SOCKETSERVER_PROGRAMS_DIR, SOCKETSERVER_TEST_PROGRAMS_DIR}) {
        const auto path = std::filesystem::path(folder) / name;
        if (std::filesystem::exists(path))
            return path;
    }
    return name;
}

std::string without_time(const std::string& line) {
    // a: a letter, 0: a digit, D: a digit or a space; all else stands for itself.
    constexpr std::string_view pattern = "[aaa aaa D0 00:00:00 0000] ";
    bool same = line.size() >= pattern.size();
    for (std::size_t i = 0; same && i < pattern.size(); ++i) {
        const char c = line[i];
        const bool digit = c >= '0' && c <= '9';
        switch (pattern[i]) {
            case 'a': same = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); break;
            case '0': same = digit; break;
            case 'D': same = digit || c == ' '; break;
            default: same = c == pattern[i];
        }
    }
    return same ? line.substr(pattern.size()) : "no reply: " + line;
}

bool has_ipv6() {
    const ClientSocket probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    return ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace socketserver::test
