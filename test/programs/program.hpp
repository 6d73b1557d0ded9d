#pragma once

/// \file
/// Running the real programs as their users do.

#include <support/clients.hpp>

#include <socketserver/detail/mode.hpp>

#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socketserver::test {

/// A program with its standard streams in the test's hands.
///
/// Bounded in time as Client is. Owns: the process; one that has not ended by itself is killed. Thread: one at a time.
class Program {
public:
    /// Descriptors that the program gets besides its standard streams.
    struct Inherited {
        int standard_input = -1;  ///< in place of the stream behind write(), for instance a terminal
        int three = -1;           ///< as descriptor 3
        int many = 0;             ///< those from 3 up to this one, excluded, are open, whatever they are
    };

    /// Starts a program.
    /// \param command the program and its arguments; without a slash, one of the project's if there is one of that name, else
    ///   looked up in PATH
    /// \param inherited further descriptors; the program gets copies
    explicit Program(const std::vector<std::string>& command, Inherited inherited);
    explicit Program(const std::vector<std::string>& command);
    ~Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    /// Writes to its standard input.
    void write(std::string_view text) { started_.input.send(text); }
    /// Ends its standard input.
    void end_input() { started_.input.half_close(); }
    /// The next line of its standard output, with its newline; "" at its end.
    [[nodiscard]] std::string output_line() { return started_.output.read_line(); }
    /// So many bytes of its standard output.
    [[nodiscard]] std::string read_output(std::size_t count) { return started_.output.read_exactly(count); }
    /// The next line of its standard error, likewise, but for those that tell of a handler which holds up its thread: on a machine
    /// that is busy any may.
    [[nodiscard]] std::string error_line();
    /// Sends it a signal.
    void signal(int number) const;
    /// Waits for its end.
    /// \return its exit status, or minus the signal that killed it
    [[nodiscard]] int wait();
    /// The rest of its standard output, up to its end.
    [[nodiscard]] std::string output() { return started_.output.read_all(); }
    /// The rest of its standard error, up to its end, but for such lines.
    [[nodiscard]] std::string error();
    /// Stops listening to what it says.
    void close_output() {
        started_.output.close();
        started_.error.close();
    }
    /// Its process number.
    [[nodiscard]] pid_t pid() const noexcept { return started_.pid; }

private:
    struct Started {
        Client input;
        Client output;
        Client error;
        pid_t pid;
    };
    static Started start(const std::vector<std::string>& command, Inherited inherited);

    Started started_;
    std::optional<int> status_;
};

/// What a program that ran to its end left behind.
struct Outcome {
    int status;          ///< see Program::wait()
    std::string output;  ///< all of its standard output
    std::string error;   ///< all of its standard error
};

/// Runs a program to its end.
/// \param command as for Program
/// \param input its standard input
[[nodiscard]] Outcome run(const std::vector<std::string>& command, std::string_view input = {});

/// A server program that is ready.
class Server : public Program {
public:
    /// Starts it, and waits until it is ready.
    /// \param command as for Program
    /// \param inherited as for Program
    explicit Server(const std::vector<std::string>& command, Inherited inherited = {});

    /// "tcp", "udp" or "unix"
    [[nodiscard]] const std::string& family() const noexcept { return family_; }
    /// `127.0.0.1:21567` or a path
    [[nodiscard]] const std::string& address() const noexcept { return address_; }
    /// The mode it named.
    [[nodiscard]] const std::string& mode() const noexcept { return mode_; }
    /// The port it listens on.
    [[nodiscard]] std::uint16_t port() const;
    /// A connection to it.
    [[nodiscard]] Client connect() const;
    /// A datagram socket connected to it.
    [[nodiscard]] DatagramClient datagrams() const;

    /// Ends it by a signal.
    /// \return what it said on standard error since the last error_line(), and a line "exit N" if its status was not 0
    [[nodiscard]] std::string stop(int number);
    /// Ends it by SIGTERM.
    [[nodiscard]] std::string stop();

private:
    std::string family_;
    std::string address_;
    std::string mode_;
};

/// The path of one of the project's programs.
[[nodiscard]] std::string program_path(const std::string& name);

/// The text after the time, if a line is `[Fri Nov 20 20:31:00 2026] TEXT`; else "no reply: " and the line.
[[nodiscard]] std::string without_time(const std::string& line);

/// The modes there are, as the command line calls them, but for some.
[[nodiscard]] inline std::vector<std::string>
modes_but(std::initializer_list<::socketserver::detail::Mode> left_out = {}) {
    std::vector<std::string> names;
    for (const auto& entry : ::socketserver::detail::mode_entries) {
        if (std::find(left_out.begin(), left_out.end(), entry.mode) == left_out.end())
            names.emplace_back(entry.name);
    }
    return names;
}
inline const std::vector<std::string> modes = modes_but();
/// Those that serve several at a time, and take --max-connections.
inline const std::vector<std::string> concurrent_modes =
    modes_but({::socketserver::detail::Mode::blocking, ::socketserver::detail::Mode::thread_pool});

/// Whether this machine has IPv6 on its loopback interface.
[[nodiscard]] bool has_ipv6();

}  // namespace socketserver::test
