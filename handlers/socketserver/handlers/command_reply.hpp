#pragma once

/// \file
/// The head of a reply of the command service: `STATUS LENGTH` and a newline, after which LENGTH bytes of output follow.
///
/// | STATUS | what it means | what follows |
/// |---|---|---|
/// | a number from 0 to 255 | the command ended, with this status or by the signal STATUS - 128, as shells say it | its output |
/// | `timeout` | its time was over, and it was killed | its output until then |
/// | `truncated` | it wrote more than is sent, and was killed | the beginning of its output |
/// | `error` | it was not run | why, as a line |

#include <socketserver/net/parse_result.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace socketserver {

/// The head of a reply. A value.
struct CommandReply {
    /// How the command ended.
    enum class End {
        exited,     ///< by itself or by a signal
        timeout,    ///< killed when its time was over
        truncated,  ///< killed when it had written too much
        error,      ///< not run
    };

    End end = End::exited;   ///< how the command ended
    int status = 0;          ///< its status from 0 to 255; has meaning if it exited
    std::size_t length = 0;  ///< how many bytes follow

    /// Whether two heads say the same.
    friend bool operator==(const CommandReply&, const CommandReply&) = default;
};

/// The head as it is sent, with its newline. Thread: any.
[[nodiscard]] std::string to_string(const CommandReply& reply);

/// Reads the head of a reply.
/// \param bytes what has come so far
/// \return the head and how many bytes it took; an error at the latest after 32 bytes without a newline
/// Thread: any.
ParseResult<CommandReply> parse_command_reply(std::string_view bytes);

}  // namespace socketserver
