#include <socketserver/handlers/command_handler.hpp>

#include <socketserver/net/child_process.hpp>
#include <socketserver/net/waiter.hpp>

#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <optional>
#include <span>

namespace socketserver {

namespace {

constexpr std::array<std::string_view, 10> methods{"GET ",     "HEAD ",    "POST ",  "PUT ",   "DELETE ",
                                                   "CONNECT ", "OPTIONS ", "TRACE ", "PATCH ", "PRI "};

/// A command's place among those that run.
class Place {
public:
    explicit Place(const CommandOptions& options)
        : running_(*options.running), entered_(running_.enter(std::max<std::size_t>(options.max_commands, 1))) {}
    ~Place() {
        if (entered_)
            running_.leave();
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    explicit operator bool() const noexcept { return entered_; }

private:
    RunningCommands& running_;
    const bool entered_;
};

/// Reads what a program writes, until it has ended.
/// \param output what was written, at most as much as the limit says
/// \return how that ended; nothing if the request was cut
std::optional<CommandReply::End> follow(ChildProcess& program, const CommandOptions& options, std::string& output) {
    constexpr std::size_t piece = 16'384;
    const Deadline deadline = options.time_limit.count() == 0 ? Deadline::never() : Deadline::after(options.time_limit);
    for (;;) {
        const std::size_t before = output.size();
        // One byte more than may be sent tells that there is too much.
        const std::size_t room = options.output_limit - before;
        output.resize(before + (room < piece ? room + 1 : piece));
        const IoResult result = program.read_some(std::as_writable_bytes(std::span(output).subspan(before)), deadline);
        output.resize(before + result.bytes);
        switch (result.status) {
            case IoStatus::ok: break;
            case IoStatus::eof:
                switch (program.wait(deadline)) {
                    case WaitResult::ready: return CommandReply::End::exited;
                    case WaitResult::timed_out: return CommandReply::End::timeout;
                    default: return std::nullopt;
                }
            case IoStatus::timed_out: return CommandReply::End::timeout;
            default: return std::nullopt;
        }
        if (output.size() > options.output_limit) {
            output.resize(options.output_limit);
            return CommandReply::End::truncated;
        }
        // A program that writes as fast as we read leaves nothing to wait for.
        if (deadline.expired())
            return CommandReply::End::timeout;
    }
}

/// A status of wait(2) as shells say it.
int shell_status(int status) noexcept {
    constexpr int killed = 128;
    return WIFEXITED(status) ? WEXITSTATUS(status) : killed + WTERMSIG(status);
}

}  // namespace

bool RunningCommands::enter(std::size_t most) {
    std::unique_lock lock(mutex_);
    if (left_.wait(lock, [&] { return running_ < most; }) != WaitResult::ready)
        return false;
    ++running_;
    return true;
}

void RunningCommands::leave() noexcept {
    {
        const std::lock_guard lock(mutex_);
        --running_;
    }
    left_.notify_one();
}

std::string CommandOptions::objection(const Address& address) const {
    if (allow_remote || address.is_loopback())
        return {};
    return "whoever can connect there could run commands; --allow-remote says that this is meant";
}

bool looks_like_http(std::string_view line) noexcept {
    constexpr std::string_view protocol = " HTTP/";
    for (const std::string_view method : methods) {
        if (line.starts_with(method))
            return true;
    }
    for (auto at = line.find(protocol); at != std::string_view::npos; at = line.find(protocol, at + 1)) {
        const std::size_t version = at + protocol.size();
        if (version < line.size() && line[version] >= '0' && line[version] <= '9')
            return true;
    }
    return false;
}

void CommandHandler::handle() {
    try {
        for (auto line = rfile.readline(); !line.empty() && obey(line); line = rfile.readline()) {
        }
    } catch (const system_error& failure) {
        if (failure.code() != system_code(EMSGSIZE))
            throw;
        refuse("the line is longer than " + std::to_string(BufferedReader::default_line_limit) + " bytes");
    }
}

/// \return whether to read another line
bool CommandHandler::obey(std::string_view line) {
    const bool whole = line.ends_with('\n');
    if (whole)
        line.remove_suffix(line.ends_with("\r\n") ? 2 : 1);
    if (looks_like_http(line)) {
        server.log(Severity::warning, "request from " + client_address.to_string() + ": closed, this looks like HTTP");
        part();
    } else if (line.find('\0') != std::string_view::npos) {
        refuse("the line holds a NUL");
    } else if (!whole) {
        // Half a command may do something else than the whole one would have.
        refuse("the line has no end");
    } else {
        return run(std::string(line));
    }
    return false;
}

/// \return false if the request was cut
bool CommandHandler::run(const std::string& command) {
    // Until the output has been sent: so long it takes up memory.
    const Place place(options_);
    if (!place)
        return false;
    std::string output;
    std::optional<ChildProcess> shell;
    try {
        shell.emplace(std::vector<std::string>{"/bin/sh", "-c", command});
    } catch (const system_error& failure) {
        reply({.end = CommandReply::End::error}, "the command cannot be run: " + failure.code().message() + '\n');
        return true;
    }
    const auto end = follow(*shell, options_, output);
    const int status = shell->end();
    shell.reset();
    if (!end)
        return false;
    if (*end == CommandReply::End::exited && status == ChildProcess::unknown_end) {
        reply({.end = CommandReply::End::error}, "how the command ended is not known\n");
        return true;
    }
    reply({.end = *end, .status = *end == CommandReply::End::exited ? shell_status(status) : 0}, output);
    return true;
}

void CommandHandler::reply(CommandReply reply, std::string_view output) {
    reply.length = output.size();
    wfile << to_string(reply) << output;
    wfile.flush();
}

/// Says why a line is not run, and ends the connection: where the next line begins is not known, or what it would be.
void CommandHandler::refuse(std::string_view reason) {
    reply({.end = CommandReply::End::error}, std::string(reason) + ": not run\n");
    part();
}

/// Ends the connection so that the client gets what was sent: if something is left unread when it is closed, the kernel
/// resets it. So for a moment what comes is thrown away.
void CommandHandler::part() {
    constexpr std::chrono::seconds moment{1};
    const Deadline deadline = Deadline::after(moment);
    error_code error;
    request.shutdown(SHUT_WR, error);
    std::array<std::byte, 4096> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
    while (!deadline.expired() && request.wait(Interest::readable, deadline) == WaitResult::ready) {
        if (request.recv_into(buffer, MSG_DONTWAIT, error) == 0 || give_way() == WaitResult::cut)
            return;
    }
}

}  // namespace socketserver
