#pragma once

/// \file
/// A server whose standard streams are the case's business, and not the harness's.

#include "fault_case.hpp"

#include <programs/program.hpp>
#include <support/temporary_directory.hpp>

#include <sys/types.h>

#include <string>
#include <vector>

namespace socketserver::test {

/// A server on a Unix socket that a shell starts in a folder of its own. The case knows that it is ready by connecting to it.
///
/// Owns: the process, which is killed if it still runs in the end, and the folder. Thread: one at a time.
class ShellServer {
public:
    /// plain_server, a program of a user.
    /// \param mode its concurrency
    /// \param setting how the shell runs it: `ulimit -f 1; exec "$@" 2>log`
    [[nodiscard]] static ShellServer plain(const FaultMode& mode, const std::string& setting);

    /// fault_server, a program of the project.
    [[nodiscard]] static ShellServer program(const FaultMode& mode, const std::string& setting);

    /// Its process, and its workers'.
    [[nodiscard]] std::vector<pid_t> processes() const;

    /// What a file of its folder holds.
    [[nodiscard]] std::string contents(const std::string& name) const;

    /// A connection to it.
    [[nodiscard]] Client connect() const { return Client(folder_ / "socket"); }

    /// What a new client gets for a line; "" if the connection ended.
    [[nodiscard]] std::string ask(const std::string& line) const;

    /// The process.
    [[nodiscard]] Program& process() noexcept { return program_; }

private:
    ShellServer(const FaultMode& mode, const std::string& setting, const std::vector<std::string>& command);

    const bool preforks_;
    TemporaryDirectory folder_;
    Program program_;
};

}  // namespace socketserver::test
