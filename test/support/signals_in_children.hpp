#pragma once

/// \file
/// Signals in children that a process with several threads has forked, under ThreadSanitizer.

#include "time_factor.hpp"

#include <csignal>
#include <cstdint>

#include <sys/syscall.h>
#include <unistd.h>

namespace socketserver::test {

/// Has the kernel call a signal's handler itself. ThreadSanitizer holds signals back until a later call into it, and in a
/// child of a process with several threads that never comes. Does nothing without a sanitizer.
///
/// Thread: the child's only one.
/// \param signal a signal that has a handler of the form `void(int)`
inline void receive_directly([[maybe_unused]] int signal) {
    if constexpr (time_factor > 1) {
        struct KernelAction {  // of rt_sigaction(2), which glibc does not declare
            void (*handler)(int);
            unsigned long flags;
            void (*restorer)();
            std::uint64_t mask;
        };
        struct sigaction wanted {};
        KernelAction action{};
        ::sigaction(signal, nullptr, &wanted);  // the program's own handler, whatever stands in the kernel
        ::syscall(SYS_rt_sigaction, signal, nullptr, &action, sizeof action.mask);
        action.handler = wanted.sa_handler;
        action.flags &= ~static_cast<unsigned long>(SA_SIGINFO);
        ::syscall(SYS_rt_sigaction, signal, &action, nullptr, sizeof action.mask);
    }
}

}  // namespace socketserver::test
