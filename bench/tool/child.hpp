#pragma once

/// \file
/// The processes that take part in a measurement.

#include <socketserver/os/deadline.hpp>
#include <socketserver/os/signals.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <sys/types.h>

#include <exception>
#include <string>
#include <vector>

namespace socketserver::bench {

/// Somebody has pressed Ctrl-C, or sent SIGTERM.
class Interrupted : public std::exception {
public:
    [[nodiscard]] const char* what() const noexcept override { return "interrupted"; }
};

/// A process in a session of its own (a Ctrl-C is not for it), on some processors, that ends with this one. What it says on
/// standard error is kept for complaint().
///
/// Owns: the process and its process group. Thread: one at a time; this process has no other when it makes one.
class Child {
public:
    /// What becomes of its standard output.
    enum class Output {
        read,    ///< read_line() reads it; a process that says more than is read waits for ever
        dropped  ///< it goes to /dev/null
    };

    /// Starts a program (fork(2), execvp(3)).
    /// \param name of the process, for messages
    /// \param command the program and its arguments
    /// \param processors where it may run; empty: anywhere
    /// \param signals what interrupts a wait
    /// \param output whether anybody reads what it says
    /// \throw boost::system::system_error
    Child(std::string name, const std::vector<std::string>& command, const std::vector<int>& processors,
          const SignalFd& signals, Output output = Output::read);
    /// Kills what is left.
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    /// The next line of its standard output, without its end. Requires: Output::read.
    /// \throw Interrupted
    /// \throw std::runtime_error if its output or the time has ended; names the program
    [[nodiscard]] std::string read_line(Deadline deadline);

    /// Writes a line to its standard input.
    void write_line(const std::string& line);

    /// Asks it to end: ends its standard input, and sends a signal; after some seconds SIGKILL.
    /// \param signal 0 for none
    /// \return the processor time of its children that have ended, in seconds
    double end(int signal);

    /// Whether it has ended by itself.
    [[nodiscard]] bool has_ended() const;

    /// What it has said on standard error, in one line; of much the end, after "...".
    [[nodiscard]] std::string complaint() const;

    /// Its number.
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

private:
    [[noreturn]] void begin(std::vector<char*>& arguments, const std::vector<int>& processors, int input, int output);

    std::string name_;
    const SignalFd& signals_;
    UniqueFd input_;
    UniqueFd output_;
    UniqueFd error_;
    std::string pending_;  // of the output
    pid_t pid_ = -1;
};

/// The processor time that a process and its threads have used so far, user and system, in seconds; also of one that has ended
/// and was not waited for (clock_getcpuclockid(3)). 0 if there is none.
[[nodiscard]] double cpu_seconds(pid_t process);

/// That of a process and its children, theirs included, without children that have ended.
[[nodiscard]] double cpu_seconds_of_tree(pid_t process);

/// The proportional set size (proc(5), smaps_rollup) of a process and its children, in bytes.
[[nodiscard]] double pss_bytes(pid_t process);

}  // namespace socketserver::bench
