#pragma once

/// \file
/// The modes of a server program: how it serves requests at the same time.

#include <array>
#include <cstddef>
#include <string_view>

namespace socketserver::detail {

/// How requests are served at the same time.
enum class Mode { blocking, forking, threading, selecting, thread_pool, preforking };

/// The mode of programs that are not told one.
inline constexpr Mode default_mode = Mode::selecting;

/// A mode as people meet it.
struct ModeEntry {
    Mode mode;
    std::string_view name;         ///< on the command line; that of NamedConcurrency, or how it begins (preforking)
    std::string_view description;  ///< what it does, for --help
};

/// All modes, in the order in which they are listed.
inline constexpr std::array mode_entries{
    ModeEntry{Mode::blocking, "blocking", "one thread serves one request after the other"},
    ModeEntry{Mode::forking, "forking", "a process serves each request"},
    ModeEntry{Mode::threading, "threading", "a thread serves each request; idle threads are used again"},
    ModeEntry{Mode::selecting, "selecting", "an event loop serves all requests; each runs on a fiber"},
    ModeEntry{Mode::thread_pool, "thread-pool", "a fixed number of threads serves requests"},
    ModeEntry{Mode::preforking, "preforking",
              "a fixed number of processes serves requests, each in the mode of --inner"}};

/// The same without the rest.
inline constexpr auto server_modes = [] {
    std::array<Mode, mode_entries.size()> modes{};
    for (std::size_t i = 0; i < modes.size(); ++i)
        modes[i] = mode_entries[i].mode;
    return modes;
}();

/// What the processes of the mode preforking can do.
inline constexpr std::array inner_modes{Mode::blocking, Mode::threading, Mode::selecting};

/// The entry of a mode.
[[nodiscard]] constexpr const ModeEntry& entry_of(Mode mode) noexcept {
    std::size_t i = 0;
    while (mode_entries[i].mode != mode)
        ++i;
    return mode_entries[i];
}

/// A mode as the command line calls it.
[[nodiscard]] constexpr std::string_view to_string(Mode mode) noexcept {
    return entry_of(mode).name;
}

/// What a mode does, for --help.
[[nodiscard]] constexpr std::string_view description(Mode mode) noexcept {
    return entry_of(mode).description;
}

}  // namespace socketserver::detail
