#pragma once

/// \file
/// The command service: each line is a command for the shell, and its output comes back.

#include <socketserver/fiber/condition_variable.hpp>
#include <socketserver/fiber/mutex.hpp>
#include <socketserver/handlers/command_reply.hpp>
#include <socketserver/net/address.hpp>
#include <socketserver/stream_request_handler.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace socketserver {

/// How many commands run at once, over all handlers of a process.
///
/// Thread: any, also fibers.
class RunningCommands {
public:
    /// Waits until fewer commands run than that, then counts one more.
    /// \param most how many may run; at least 1
    /// \return false if the request is cut before; nothing is counted then
    [[nodiscard]] bool enter(std::size_t most);

    /// Counts one less.
    void leave() noexcept;

private:
    mutex mutex_;
    condition_variable left_;
    std::size_t running_ = 0;  // guarded by mutex_
};

/// How commands are run. Its copies count running commands together.
struct CommandOptions {
    std::chrono::nanoseconds time_limit = std::chrono::seconds{10};  ///< for each command; 0: none
    std::size_t output_limit = std::size_t{1} << 20U;                ///< of each command, in bytes
    std::size_t max_commands = 100;                                  ///< at once in a process, others wait; at least 1
    bool allow_remote = false;                                       ///< listen also where other machines can connect

    /// Counts the commands; shared by all handlers that are given these options.
    std::shared_ptr<RunningCommands> running = std::make_shared<RunningCommands>();

    /// Declares its options on a command line.
    /// \param add takes (name, what it does, the variable)
    template <class Add>
    void declare(Add&& add) {
        add("time-limit", "kill a command after S seconds; 0 disables", time_limit);
        add("output-limit", "kill a command that writes more than N bytes", output_limit);
        add("max-commands", "run at most N commands at a time in a process; further ones wait", max_commands);
        add("allow-remote", "listen where other machines can connect, too", allow_remote);
    }

    /// What speaks against listening on an address: other machines could run commands, and that is not allowed.
    /// \return why not, or "" if nothing does
    [[nodiscard]] std::string objection(const Address& address) const;
};

/// Whether a line may be the beginning of an HTTP request: a web page can have a browser send one to a server on the machine that
/// the browser runs on, with lines of the page's choice in its body. That is so if the line begins with one of the methods
/// GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, PATCH (RFC 9110 section 9, RFC 5789) or PRI (RFC 9113) and a space, or
/// if, whatever the method, `HTTP/` and a digit follow a space in it (RFC 9112 section 3).
/// \param line a line without its line end
/// Thread: any.
[[nodiscard]] bool looks_like_http(std::string_view line) noexcept;

/// Runs each line that the client sends by `/bin/sh -c`, one after the other, and answers each with the head that CommandReply
/// describes and the command's output: its standard output and standard error as they came.
///
/// A command has /dev/null as its standard input, and the rights and the environment of the server. It ends when nobody has its
/// output open any more; what it has left running in the background then, in its process group, is killed. It is killed when
/// its time or the length of its output is over, and with the request when the server cuts that, or dies itself.
///
/// A line that is too long (64 KiB), holds a NUL, or is cut off by the end of the connection is not run; the reply says so, and the
/// connection ends. It ends without a reply at a line that looks_like_http().
class CommandHandler : public StreamRequestHandler {
public:
    /// What its command line takes.
    using Options = CommandOptions;

    /// Where the demo program listens.
    static constexpr std::uint16_t default_port = 8082;

    /// Who may connect to the demo program's Unix socket: its owner.
    static constexpr mode_t unix_socket_mode = 0600;

    /// In the demo program a command ends when its client has left: it has reset the connection or, on a Unix socket, closed it.
    static constexpr bool cut_abandoned = true;

    /// What the demo program says of itself.
    static constexpr std::string_view description =
        "The command service: each line is run by the shell; the reply is a line with its status and the length of its "
        "output, and the output. A command is killed when its client has reset the connection.";

    /// Commands that try the demo program; `$0` stands for it.
    static constexpr std::string_view examples = "$0 &\n"
                                                 "echo uptime | nc -N 127.0.0.1 8082";

    /// See StreamRequestHandler.
    /// \param options how to run commands; shared by all handlers of a server, constant; must outlive the handler
    CommandHandler(Socket& the_request, const Address& client, ServerContext& the_server, const CommandOptions& options)
        : StreamRequestHandler(the_request, client, the_server), options_(options) {}

    void handle() override;

private:
    bool obey(std::string_view line);
    bool run(const std::string& command);
    void reply(CommandReply reply, std::string_view output);
    void refuse(std::string_view reason);
    void part();

    const CommandOptions& options_;
};

}  // namespace socketserver
