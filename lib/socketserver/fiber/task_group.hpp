#pragma once

/// \file
/// Several things at once inside one handler.

#include <socketserver/net/waiter.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace socketserver {

/// Tasks that run beside whoever starts them, in plain blocking style: fibers of the same loop in a fiber, threads elsewhere.
///
/// \snippet test/handlers/snippets.cpp task_group
///
/// Whoever starts tasks waits for them: when wait() or the destructor has returned, none is left. The first task that throws cuts
/// the others, and wait() throws what it has thrown. If the request of the owner is cut while it is in wait(), its tasks are cut; at
/// other times the operation that is cut throws, and the destructor cuts them. A task that is cut finds that all its waits end
/// (WaitResult::cut; reads and writes throw ECANCELED or EPIPE, or come to the end of the stream), as every handler does.
///
/// A stop of the server reaches the connection of the request in whatever task reads it. Limits of time are those of the sockets.
///
/// Two tasks may use one socket if one of them reads and the other writes; a file (rfile, wfile) belongs to one task at a time.
/// Under Selecting the tasks of a group never run at the same time, elsewhere they do: what they share they lock.
///
/// Owns: the tasks. Thread: the context that makes it; tasks may call cut(). Life: within that context.
class TaskGroup {
public:
    /// How many tasks of a group may run at a time.
    static constexpr std::size_t most = 64;

    /// A group without tasks, of the calling context.
    TaskGroup() noexcept : owner_(Waiter::current()) {}
    /// Cuts the tasks that wait() has not waited for, and returns when they have ended. What they throw is lost.
    ~TaskGroup();
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    /// Starts a task. If the group has been cut, so is the task.
    /// \param task what it runs; may throw
    /// \throw boost::system::system_error if there is no thread or stack to be had, and with EAGAIN if \ref most tasks run
    void run(std::function<void()> task);

    /// Waits until all tasks have ended. Then the group is as new.
    /// \throw what the first task to throw has thrown
    void wait();

    /// Ends every wait of every task. Does not wait. Thread: the owner's, or a task's.
    void cut() noexcept;

private:
    struct Task {
        std::unique_ptr<SideContext> context;  // null while it is being started
        bool has_ended = false;
    };

    void run(Task& task, std::function<void()>& function) noexcept;
    void cut_all() noexcept;
    void remove_ended() noexcept;
    void join() noexcept;
    [[nodiscard]] bool any_running();

    Waiter& owner_;
    std::mutex mutex_;                 // never held across a wait
    std::list<Task> tasks_;            // guarded by mutex_
    std::exception_ptr first_thrown_;  // guarded by mutex_
    bool cut_ = false;                 // guarded by mutex_
};

}  // namespace socketserver
