#include "progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace socketserver::bench {

using std::chrono::steady_clock;

namespace {

/// How many columns the terminal behind standard error has.
std::size_t columns() {
    constexpr std::size_t usual = 80;
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

/// The beginning of a text, so many bytes or, where a character would be cut, less.
std::string beginning(const std::string& text, std::size_t length) {
    if (text.size() <= length)
        return text;
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0U) == 0x80U)
        --length;
    return text.substr(0, length);
}

}  // namespace

Progress::Progress(const Plan& plan)
    : plan_(plan), terminal_(::isatty(STDERR_FILENO) == 1), start_(steady_clock::now()) {
    std::cerr << plan.runs << (plan.runs == 1 ? " run" : " runs") << ", about " << to_text(plan.expected) << '\n'
              << std::flush;
}

Progress::~Progress() {
    if (terminal_)
        std::cerr << "\r\x1b[K" << std::flush;
}

void Progress::next(const Measurement& measurement) {
    const std::string left = to_text(remaining()) + " left";
    ++begun_;
    std::string what = describe(measurement.cell);
    if (measurement.open)
        what += ", open loop";
    if (!terminal_) {
        std::cerr << '[' << begun_ << '/' << plan_.runs << ", " << left << "] " << what << '\n' << std::flush;
        return;
    }
    // A line that is too long for the terminal would stay there.
    const std::size_t room = columns() - 1;
    const std::size_t width = std::min<std::size_t>(room / 3, 30);
    const std::size_t full = plan_.runs > 0 ? width * (begun_ - 1) / plan_.runs : 0;
    const std::string bar = '[' + std::string(full, '#') + std::string(width - full, '.') + "] ";
    std::cerr << '\r' << beginning(bar + left + "  " + what, room) << "\x1b[K" << std::flush;
}

std::chrono::nanoseconds Progress::remaining() const {
    // What the runs so far took says more than the plan, once there are some.
    constexpr std::size_t some = 10;
    const auto elapsed = steady_clock::now() - start_;
    const auto planned = plan_.expected * static_cast<long>(plan_.runs - begun_) / static_cast<long>(plan_.runs);
    if (begun_ < some)
        return planned;
    const auto so_far = plan_.expected * static_cast<long>(begun_) / static_cast<long>(plan_.runs);
    const double pace = std::chrono::duration<double>(elapsed) / std::chrono::duration<double>(so_far);
    return std::chrono::duration_cast<std::chrono::nanoseconds>(planned * pace);
}

std::string to_text(std::chrono::nanoseconds span) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(span).count();
    constexpr auto minute = 60;
    if (seconds < minute)
        return std::to_string(seconds) + " s";
    char text[32];
    std::snprintf(text, sizeof text, "%ld:%02ld", static_cast<long>(seconds / minute),
                  static_cast<long>(seconds % minute));
    return text;
}

}  // namespace socketserver::bench
