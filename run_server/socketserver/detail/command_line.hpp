#pragma once

/// \file
/// The command line that all servers have in common.

#include <socketserver/detail/help.hpp>
#include <socketserver/detail/mode.hpp>
#include <socketserver/detail/served_protocol.hpp>
#include <socketserver/server_options.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace socketserver::detail {

/// What a command line asks for. A value; if it asks for help or the version, nothing else counts.
struct CommandLine : HelpRequest {
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
[[nodiscard]] CommandLine parse_command_line(const ServedProtocol& protocol, std::span<const std::string> arguments);

/// What help on a server program is made from.
///
/// Owns: the options that it lists.
class ServerHelp {
public:
    /// \param protocol what is served
    /// \param program the program's name
    ServerHelp(const ServedProtocol& protocol, std::string_view program);
    ServerHelp(const ServerHelp&) = delete;
    ServerHelp& operator=(const ServerHelp&) = delete;

    /// It refers to this object.
    [[nodiscard]] const ProgramHelp& about() const noexcept { return about_; }

private:
    CommandLine defaults_;
    ProgramOptions own_;
    ProgramOptions common_;
    ProgramHelp about_;
};

}  // namespace socketserver::detail
