#pragma once

/// \file
/// Descriptors 0 to 2, which may be closed when a program starts, and what is buffered for them.

namespace socketserver {

/// Opens /dev/null in place of each standard stream that is closed, so that no descriptor that is opened later gets its
/// number. As before, nothing can be read from or written to it (EBADF). A program calls it before it opens anything; run_server() does.
/// The library itself does not need it: see own_descriptor().
void occupy_standard_streams() noexcept;

/// Standard error, if descriptor 2 is that: it is open, and inherited over execve(2), as the files that a program opens mostly are not.
/// \return STDERR_FILENO, or -1
/// Thread: any. Async-signal-safe.
[[nodiscard]] int standard_error() noexcept;

/// Writes out what std::cout and stdout still hold.
/// \throw boost::system::system_error "cannot write standard output" if that fails, or an earlier write to std::cout has. To be called at
///   once when one has failed, `errno` being the reason then
void flush_standard_output();

/// Writes out what std::cout, std::clog and stdout hold, and if the process has only one thread all streams of stdio: before it is
/// forked, or its child would write that once more. What fails is not told of; std::cout and stdout keep that in their state. Where
/// nothing is held, makes no system call. A stdout that another thread is using is left alone.
/// \return whether it was all
bool flush_buffered_output() noexcept;

/// Writes out what these hold in a forked child that leaves by _exit(2), as exit(3) would.
/// \param all what flush_buffered_output() has returned before the fork: only if it was all is what streams of stdio other than
///   stdout hold the child's own
void flush_output_of_child(bool all) noexcept;

}  // namespace socketserver
