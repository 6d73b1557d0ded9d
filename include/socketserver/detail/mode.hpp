#pragma once

/// \file
/// The modes of a server program: how it serves requests at the same time.

#include <array>
#include <string_view>

namespace socketserver::detail {

/// How requests are served at the same time.
enum class Mode { blocking, forking, threading, selecting, thread_pool, preforking };

/// The mode of programs that are not told one.
inline constexpr Mode default_mode = Mode::selecting;

/// All modes, in the order in which they are listed.
inline constexpr std::array server_modes{Mode::blocking,  Mode::forking,     Mode::threading,
                                         Mode::selecting, Mode::thread_pool, Mode::preforking};

/// What the processes of the mode preforking can do.
inline constexpr std::array inner_modes{Mode::blocking, Mode::threading, Mode::selecting};

/// A mode as the command line calls it.
[[nodiscard]] constexpr std::string_view to_string(Mode mode) noexcept {
    switch (mode) {
        case Mode::blocking: return "blocking";
        case Mode::forking: return "forking";
        case Mode::threading: return "threading";
        case Mode::selecting: return "selecting";
        case Mode::thread_pool: return "thread-pool";
        case Mode::preforking: return "preforking";
    }
    return "?";
}

/// What a mode does, for --help.
[[nodiscard]] constexpr std::string_view description(Mode mode) noexcept {
    switch (mode) {
        case Mode::blocking: return "one thread serves one request after the other";
        case Mode::forking: return "a process serves each request";
        case Mode::threading: return "a thread serves each request; idle threads are used again";
        case Mode::selecting: return "an event loop serves all requests; each runs on a fiber";
        case Mode::thread_pool: return "a fixed number of threads serves requests";
        case Mode::preforking: return "a fixed number of processes serves requests, each in the mode of --inner";
    }
    return "?";
}

}  // namespace socketserver::detail
