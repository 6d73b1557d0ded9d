#pragma once

/// \file
/// A running fault_server, in the hands of a case.

#include "control.hpp"
#include "fault_case.hpp"

#include <programs/program.hpp>
#include <support/temporary_directory.hpp>

#include <string>
#include <vector>

namespace socketserver::test {

/// A file that fault_server maps too.
///
/// Owns: the file and its memory. Thread: any.
class SharedControl {
public:
    SharedControl();
    ~SharedControl();
    SharedControl(const SharedControl&) = delete;
    SharedControl& operator=(const SharedControl&) = delete;

    [[nodiscard]] Control* operator->() const noexcept { return control_; }

private:
    TemporaryDirectory folder_;
    Control* control_ = nullptr;
};

/// A server that is ready, and told of faults while it runs.
///
/// Owns: the process and what it shares with it. Thread: one at a time.
class FaultServer {
public:
    /// Starts it, and waits until it has nothing more to do. Preforking servers have all their workers then.
    /// \param mode its concurrency
    /// \param arguments further ones
    /// \param environment what its environment has besides, names and values
    /// \param wrapper what runs it, e.g. {"sh", "-c", SCRIPT}
    explicit FaultServer(const FaultMode& mode, const std::vector<std::string>& arguments = {},
                         const std::vector<std::pair<std::string, std::string>>& environment = {},
                         const std::vector<std::string>& wrapper = {});
    /// Ends it, and checks that it ended in order and that no sanitizer had anything to say, unless the case did so.
    ~FaultServer();
    FaultServer(const FaultServer&) = delete;
    FaultServer& operator=(const FaultServer&) = delete;

    /// The program.
    [[nodiscard]] Server& program() noexcept { return server_; }
    /// Its process number.
    [[nodiscard]] pid_t pid() const noexcept { return server_.pid(); }
    /// The processes that accept: its own, or its workers'.
    [[nodiscard]] std::vector<pid_t> accepting() const;
    /// The faults of a point.
    [[nodiscard]] Injection& faults(Point point) const { return control_->at(point); }

    [[nodiscard]] Client connect() const { return server_.connect(); }
    /// Clients that have been served once, and still are.
    [[nodiscard]] std::vector<Client> served_clients(int count) const;
    /// What a new client gets for a line.
    /// \return a line; "" if the connection ended, in order or not
    [[nodiscard]] std::string ask(const std::string& line) const;
    /// One of the server's counts, asked for by a new client, who is counted himself.
    [[nodiscard]] long count(const std::string& name) const;
    /// The same, asked for by a client who is connected.
    [[nodiscard]] static long count(Client& by, const std::string& name);

    /// The next line that it logs, but for those that tell of connections.
    [[nodiscard]] std::string next_message();

    /// Ends it by SIGTERM.
    /// \return what it logged since the last next_message(), but for lines that tell of connections, and a line "exit N" if
    ///   its status was not 0
    [[nodiscard]] std::string stop();
    /// The case ends it by itself.
    void leave_it() noexcept { stopped_ = true; }

private:
    [[nodiscard]] bool is_at_rest() const;

    SharedControl control_;
    const FaultMode mode_;
    Server server_;
    bool stopped_ = false;
};

/// A line, or "" if the connection has ended, in order or not.
[[nodiscard]] std::string line_or_end(Client& client);

}  // namespace socketserver::test
