#pragma once

/// \file
/// A program that a request runs, waited for through the seam of waiter.hpp.

#include <socketserver/net/byte_stream.hpp>
#include <socketserver/net/waiter.hpp>
#include <socketserver/os/deadline.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace socketserver {

/// A running program: its standard input is /dev/null, its standard output and error come through one pipe.
///
/// It begins with no signal blocked and every signal at its default, whatever this process ignores, in a process group of its
/// own, and with no other descriptor than the three standard ones and the lifeline. Where raise_descriptor_limit() has raised
/// that limit, the program gets the former one back, in the instant after its start:
///
///     this process   lifeline ◀──── pipe ──── descriptor 20   the program, and all that it starts
///                    (reads)                  (O_ASYNC, F_SETSIG SIGKILL, fcntl(2))
///
/// Nothing is ever sent through that pipe. When the only reader goes, because this object ends or this process dies, were it
/// by SIGKILL, the kernel sends SIGKILL to the process group. So no program outlives the request that it was started for; one
/// that shall must leave the process group (setsid(1)).
///
/// Owns: the process, which is reaped at the latest by the destructor, and its group, which is killed by then; its pipes and a
/// pidfd. Only this child is ever waited for.
///
/// Waiting: by the calling context's Waiter, so under fibers a running program holds up nobody. Thread: the context that made it.
class ChildProcess {
public:
    /// The descriptor of the lifeline in the program, above those which shells let scripts use. Where the limit on
    /// descriptors (RLIMIT_NOFILE) is lower, it is the highest one allowed.
    static constexpr int lifeline_descriptor = 20;

    /// What end() returns if somebody else in this process has waited for the program and knows how it ended: neither WIFEXITED()
    /// nor WIFSIGNALED() holds for it (wait(2)).
    static constexpr int unknown_end = -1;

    /// Starts a program (posix_spawn(3)), with this process's environment. If SIGCHLD is ignored here, that ends: see keep_ended_children().
    /// \param command the program's path, then its arguments
    /// \throw boost::system::system_error if it cannot be started, naming it
    /// Requires: the command is not empty, and no part of it holds a NUL.
    explicit ChildProcess(const std::vector<std::string>& command);

    /// Kills what is left of the process group, and reaps the process.
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    /// Reads what the program has written, waiting for at least one byte.
    /// \param buffer where to; not empty
    /// \param deadline when to give up
    /// \return with IoStatus ok, timed_out, cut, or eof: neither the program nor what it started will write any more
    /// \throw boost::system::system_error if reading or waiting fails
    IoResult read_some(std::span<std::byte> buffer, Deadline deadline);

    /// Waits until the program itself has ended. What it started may run on.
    /// \param deadline when to give up
    /// \return ready, timed_out or cut
    /// \throw boost::system::system_error if waiting fails
    WaitResult wait(Deadline deadline);

    /// Kills the process group (SIGKILL) and reaps the process; does nothing the second time.
    /// \return how the program ended, as of wait(2); unknown_end if somebody else has reaped it (a foreign `waitpid(-1)`)
    int end() noexcept;

    /// The number of the process and of its group.
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

private:
    /// A descriptor that can be waited on.
    struct Watched {
        explicit Watched(UniqueFd descriptor) noexcept : fd(std::move(descriptor)), waitable(fd.get()) {}
        UniqueFd fd;
        Waitable waitable;  // its watch ends before the descriptor does
    };
    struct Started;

    explicit ChildProcess(Started started) noexcept;
    static Started start(const std::vector<std::string>& command);

    UniqueFd lifeline_;
    Watched output_;
    Watched process_;  // the pidfd
    pid_t pid_;
    int status_ = 0;
    bool reaped_ = false;
};

}  // namespace socketserver
