#pragma once

/// \file
/// The command line that all servers have in common.

#include <socketserver/detail/protocol.hpp>
#include <socketserver/server_options.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace socketserver::detail {

/// How requests are served at the same time.
enum class Mode { blocking, forking, threading, selecting, thread_pool, preforking };

/// The mode of programs that are not told one.
inline constexpr Mode default_mode = Mode::selecting;

/// A mode as the command line calls it.
[[nodiscard]] std::string_view to_string(Mode mode) noexcept;

/// What a command line asks for. A value.
struct CommandLine {
    bool help = false;     ///< only tell how to use the program; nothing below counts
    bool version = false;  ///< only tell the version; nothing below counts

    Mode mode = default_mode;              ///< --mode
    Mode inner = default_mode;             ///< --inner, what each process does in the mode preforking
    std::string host = "127.0.0.1";        ///< --host, not yet resolved
    std::uint16_t port = 0;                ///< --port
    std::optional<std::string> unix_path;  ///< --unix, in place of host and port
    bool udp = false;                      ///< --udp
    bool quiet = false;                    ///< --quiet
    std::optional<std::size_t> workers;    ///< --workers; in the options of the mode, too
    ServerOptions options;                 ///< all that goes to the server; its logger is not set
};

/// Reads a command line; the values of the handlers' own options go where the protocol says.
/// \param protocol what is to be served
/// \param arguments without the program's name
/// \throw UsageError if it cannot be understood
[[nodiscard]] CommandLine parse_command_line(const Protocol& protocol, std::span<const std::string> arguments);

/// What --help prints.
/// \param protocol what is served
/// \param program the program's name
[[nodiscard]] std::string help_text(const Protocol& protocol, std::string_view program);

/// The line that follows a message about a bad command line.
/// \param protocol what is served
/// \param program the program's name
[[nodiscard]] std::string usage_line(const Protocol& protocol, std::string_view program);

}  // namespace socketserver::detail
