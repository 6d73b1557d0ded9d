#pragma once

/// \file
/// What a client prints of what a server has sent.

#include <socketserver/os/printable.hpp>
#include <socketserver/os/standard_streams.hpp>

#include <unistd.h>

#include <iostream>
#include <string_view>

namespace client_program {

/// Standard output for what strangers have sent: a file or a pipe gets it as it is; on a terminal control characters, which could
/// do anything there, are shown as `\xNN` (PrintableDocument).
///
/// Thread: one at a time.
class Payload {
public:
    /// Prints a piece.
    /// \throw boost::system::system_error if standard output cannot be written
    void print(std::string_view bytes) {
        if (on_terminal_)
            std::cout << document_.take(bytes);
        else
            std::cout << bytes;
        if (!std::cout)
            socketserver::flush_standard_output();
    }

    /// Prints what was kept of an incomplete character.
    void finish() {
        if (on_terminal_)
            std::cout << document_.finish();
    }

private:
    const bool on_terminal_ = ::isatty(STDOUT_FILENO) != 0;
    socketserver::PrintableDocument document_;
};

}  // namespace client_program
