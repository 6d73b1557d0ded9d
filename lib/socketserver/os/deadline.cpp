#include <socketserver/os/deadline.hpp>

#include <charconv>
#include <iterator>
#include <limits>

namespace socketserver {

std::chrono::nanoseconds Deadline::remaining() const noexcept {
    if (is_never())
        return std::chrono::nanoseconds::max();
    // Compared first: the distance to a point in time long past does not fit.
    const auto today = Clock::now();
    return when_ <= today ? std::chrono::nanoseconds::zero() : std::chrono::nanoseconds{when_ - today};
}

int Deadline::poll_timeout() const noexcept {
    if (is_never())
        return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(remaining()).count();
    return static_cast<int>(std::min<long long>(left, std::numeric_limits<int>::max()));
}

std::string seconds_text(std::chrono::nanoseconds span) {
    char text[32];
    const double seconds = std::chrono::duration<double>(span).count();
    const auto end = std::to_chars(std::begin(text), std::end(text), seconds).ptr;
    return {text, end};
}

}  // namespace socketserver
