#include "fault_server.hpp"

#include "process.hpp"

#include <support/children.hpp>
#include <support/eventually.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace socketserver::test {

namespace {

std::string path_in(const TemporaryDirectory& folder) {
    return folder / "control";
}

/// What a child that is started meanwhile finds in its environment.
class ScopedEnvironment {
public:
    explicit ScopedEnvironment(const std::vector<std::pair<std::string, std::string>>& variables)
        : variables_(variables) {
        for (const auto& [name, value] : variables_)
            ::setenv(name.c_str(), value.c_str(), 1);
    }
    ~ScopedEnvironment() {
        for (const auto& [name, value] : variables_)
            ::unsetenv(name.c_str());
    }
    ScopedEnvironment(const ScopedEnvironment&) = delete;
    ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;

private:
    std::vector<std::pair<std::string, std::string>> variables_;
};

bool tells_of_a_connection(const std::string& line) {
    return line.starts_with("... connected from: ");
}

std::vector<std::string> command_of(const FaultMode& mode, const std::vector<std::string>& arguments,
                                    std::vector<std::string> command) {
    command.push_back(command.empty() ? "fault_server" : program_path("fault_server"));
    command.insert(command.end(), mode.arguments.begin(), mode.arguments.end());
    if (mode.preforks)
        command.insert(command.end(), {"--workers", std::to_string(mode.workers)});
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
}

Server started(const std::vector<std::string>& command,
               const std::vector<std::pair<std::string, std::string>>& environment) {
    const ScopedEnvironment set(environment);
    return Server(command);
}

}  // namespace

SharedControl::SharedControl() {
    const std::string path = path_in(folder_);
    // Read by another user, too.
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ::ftruncate(fd, sizeof(Control)) != 0)
        throw std::system_error(errno, std::system_category(), path);
    void* const memory = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (memory == MAP_FAILED)
        throw std::system_error(errno, std::system_category(), "mmap");
    control_ = static_cast<Control*>(memory);
    ::setenv(control_variable, path.c_str(), 1);
}

SharedControl::~SharedControl() {
    ::unsetenv(control_variable);
    ::munmap(control_, sizeof(Control));
}

FaultServer::FaultServer(const FaultMode& mode, const std::vector<std::string>& arguments,
                         const std::vector<std::pair<std::string, std::string>>& environment,
                         const std::vector<std::string>& wrapper)
    : mode_(mode), server_(started(command_of(mode, arguments, wrapper), environment)) {
    if (mode.preforks && !eventually([&] { return accepting().size() == static_cast<std::size_t>(mode.workers); }))
        throw TimedOut("no worker is started");
    // All wait that are to wait: what they hold now is what they hold at rest.
    int looks = 0;
    constexpr int enough = 3;
    if (!eventually([&] { return (looks = is_at_rest() ? looks + 1 : 0) == enough; }))
        throw TimedOut("the server does not come to rest");
}

FaultServer::~FaultServer() {
    if (stopped_ || std::uncaught_exceptions() > 0)
        return;
    try {
        const std::string said = stop();
        BOOST_CHECK_MESSAGE(said.find("Sanitizer") == std::string::npos && said.find("exit ") == std::string::npos,
                            "the server ended so: " << said);
    } catch (const std::exception& failure) {
        BOOST_ERROR("the server does not end: " << failure.what());
    }
}

bool FaultServer::is_at_rest() const {
    const auto processes = accepting();
    return waits_for_descriptors(pid()) && std::all_of(processes.begin(), processes.end(), waits_for_descriptors);
}

std::vector<pid_t> FaultServer::accepting() const {
    return mode_.preforks ? children_of(pid()) : std::vector<pid_t>{pid()};
}

std::vector<Client> FaultServer::served_clients(int count) const {
    return test::served_clients(count, [this] { return connect(); });
}

std::string FaultServer::ask(const std::string& line) const {
    try {
        Client client = connect();
        client.send(line + '\n');
        return line_or_end(client);
    } catch (const std::system_error&) {
        return "";
    }
}

long FaultServer::count(const std::string& name) const {
    Client client = connect();
    return count(client, name);
}

long FaultServer::count(Client& by, const std::string& name) {
    by.send("statistics\n");
    const std::string line = by.read_line();
    std::istringstream words(line);
    std::string found;
    long number = 0;
    while (words >> found >> number) {
        if (found == name)
            return number;
    }
    throw std::runtime_error("no " + name + " in '" + line + "'");
}

std::string FaultServer::next_message() {
    std::string line = server_.error_line();
    while (tells_of_a_connection(line))
        line = server_.error_line();
    return line;
}

std::string FaultServer::stop() {
    stopped_ = true;
    std::istringstream said(server_.stop());
    std::string messages;
    for (std::string line; std::getline(said, line);) {
        if (!tells_of_a_connection(line))
            messages += line + '\n';
    }
    return messages;
}

std::string line_or_end(Client& client) {
    try {
        return client.read_line();
    } catch (const std::system_error&) {
        return "";
    }
}

}  // namespace socketserver::test
