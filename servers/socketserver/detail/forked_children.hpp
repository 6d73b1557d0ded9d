#pragma once

/// \file
/// Forked children: those that each serve one request and then leave, and the workers of preforking servers.

#include <socketserver/net/request_limit.hpp>
#include <socketserver/os/deadline.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace socketserver {
class RequestRegistry;
}  // namespace socketserver

namespace socketserver::detail {

/// How a child ended.
struct EndedChild {
    pid_t pid = -1;       ///< its process number
    int status = 0;       ///< as of wait(2)
    std::string serving;  ///< what start() was told it serves

    /// Whether it left with status 0.
    [[nodiscard]] bool succeeded() const noexcept { return status == 0; }
    /// The signal that killed it, or 0.
    [[nodiscard]] int signal() const noexcept;
};

/// What a request takes up until its child has been reaped. A value.
struct HeldByChild {
    RequestTicket ticket;         ///< its leave to run
    std::shared_ptr<void> place;  ///< that of a connection among those of its address, if these are counted
};

/// The children of a forking or preforking server. Only these are ever waited for: a child that somebody else in the program forked is
/// left to them.
///
/// Owns: the children, a pidfd for each, and an epoll set of those, by which a loop learns that one has ended.
/// Life: join() has returned true before it is destroyed. Thread: start() and collect() from the serving thread, or
/// from the one that closes the server; the others from any.
class ForkedChildren {
public:
    /// \throw boost::system::system_error if there is no descriptor to be had
    ForkedChildren();
    ForkedChildren(const ForkedChildren&) = delete;
    ForkedChildren& operator=(const ForkedChildren&) = delete;

    /// Forks. In the child SIGINT is ignored (Ctrl-C goes to the whole group; the parent decides), both it and SIGTERM are blocked until
    /// a TermStopsRequest lets both through, and the child leaves by _exit(2). What
    /// is buffered for std::cout and stdio is written out before, and when the child leaves: see flush_buffered_output().
    /// If SIGCHLD is ignored, that ends: see keep_ended_children().
    /// \param serving whom the child serves, for messages
    /// \param work what the child does; what it returns is the status it leaves with
    /// \param held what is to live until the child has been reaped
    /// \return its process number
    /// \throw boost::system::system_error if fork(2) fails
    pid_t start(std::string serving, const std::function<int()>& work, HeldByChild held = {});

    /// Reaps the children that have ended, without waiting.
    std::vector<EndedChild> collect();

    /// Waits until a child may have ended, a twentieth of a second at most: whoever waits for the last ones looks after signals as
    /// well.
    /// \param deadline when to give up
    /// \return false if the deadline came first
    bool wait_for_end(Deadline deadline) const;

    /// How many have not been reaped.
    [[nodiscard]] std::size_t size() const;

    /// How many this process has that have not been reaped, of all objects together. Thread: any; async-signal-safe.
    [[nodiscard]] static std::size_t living() noexcept;

    /// Which have not been reaped.
    [[nodiscard]] std::set<pid_t> pids() const;

    /// Readable while a child has ended and not been reaped.
    [[nodiscard]] int fd() const noexcept { return ended_.get(); }

    /// By when to call collect(), whatever fd() says: never, unless there are children that have no pidfd, for want of descriptors.
    [[nodiscard]] Deadline collect_by() const;

    /// Sends every child a signal.
    /// \param signal SIGTERM, SIGKILL
    void signal_all(int signal) const noexcept;

private:
    void reap_locked(pid_t pid, std::vector<EndedChild>& ended);

    struct Child {
        UniqueFd pidfd;
        std::string serving;
        HeldByChild held;
        bool watched = false;  // its pidfd is in ended_
    };

    UniqueFd ended_;
    mutable std::mutex mutex_;
    std::map<pid_t, Child> children_;  // guarded by mutex_
    std::size_t unwatched_ = 0;        // how many are not in ended_, for want of a descriptor; guarded by mutex_
};

/// Lets SIGTERM ask a child's request to end, for as long as it lives; before and after, the signal is blocked. One at a time in a
/// process. Thread: the child's only one.
class TermStopsRequest {
public:
    /// \param registry the child's registry, marked as stopping by the signal
    /// \param new_ones_are_spared whether the signal is not for a connection on which nothing has come yet; shared with the parent
    TermStopsRequest(RequestRegistry& registry, const std::atomic<bool>& new_ones_are_spared) noexcept;
    ~TermStopsRequest();
    TermStopsRequest(const TermStopsRequest&) = delete;
    TermStopsRequest& operator=(const TermStopsRequest&) = delete;
};

}  // namespace socketserver::detail
