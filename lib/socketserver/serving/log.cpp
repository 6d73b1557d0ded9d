#include <socketserver/serving/log.hpp>

#include <unistd.h>

#include <utility>

namespace socketserver {

Logger stderr_logger(Severity least, std::string prefix) {
    return [least, prefix = std::move(prefix)](Severity severity, std::string_view message) {
        if (severity < least)
            return;
        std::string line = prefix;
        line += message;
        line += '\n';
        // In one piece, so that the lines of threads and children do not mix. Nobody can be told if it fails.
        [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
    };
}

}  // namespace socketserver
