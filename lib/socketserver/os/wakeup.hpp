#pragma once

/// \file
/// A descriptor by which one thread, process or signal handler wakes a loop in another.

#include <socketserver/os/unique_fd.hpp>

namespace socketserver {

/// An eventfd(2) that becomes readable when somebody notifies it, and stays so until it is cleared.
///
/// Owns: the descriptor (close-on-exec, inherited over fork: a child notifies its parent through it).
/// Thread: notify() from any thread, any process that inherited it, and from signal handlers.
class Wakeup {
public:
    /// Makes the descriptor.
    /// \throw boost::system::system_error if there is none to be had
    Wakeup();

    /// Makes the descriptor readable. Async-signal-safe; leaves `errno` as it was.
    void notify() const noexcept;

    /// Makes the descriptor unreadable again.
    void clear() const noexcept;

    /// Takes another descriptor in place of the one that this process has inherited and its parent still uses.
    /// \throw boost::system::system_error if there is none to be had
    void renew() { *this = Wakeup(); }

    /// The descriptor to wait on for input.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

private:
    UniqueFd fd_;
};

}  // namespace socketserver
