#include <socketserver/serving/log.hpp>

#include <socketserver/os/error.hpp>
#include <socketserver/os/signals.hpp>
#include <socketserver/os/standard_streams.hpp>

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>

namespace socketserver {

namespace {

/// Writes all of a line; in one piece, if the file takes it, so that the lines of threads and children do not mix.
void write_line(int fd, std::string_view line) {
    while (!line.empty()) {
        const ssize_t written = ::write(fd, line.data(), line.size());
        if (written >= 0)
            line.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            throw_errno(errno, "write to standard error");
    }
}

}  // namespace

Logger stderr_logger(Severity least, std::string prefix) {
    const bool may_signal = !is_ignored(SIGPIPE) || !is_ignored(SIGXFSZ);
    return [least, prefix = std::move(prefix), fd = standard_error(), may_signal](Severity severity,
                                                                                  std::string_view message) {
        if (severity < least)
            return;
        std::string line = prefix;
        line += message;
        line += '\n';
        std::optional<ScopedOutputSignals> no_reason_to_die;
        if (may_signal)
            no_reason_to_die.emplace();
        write_line(fd, line);
    };
}

}  // namespace socketserver
