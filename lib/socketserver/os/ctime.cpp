#include <socketserver/os/ctime.hpp>

#include <array>
#include <cstdio>
#include <ctime>

namespace socketserver {

std::string ctime(std::chrono::system_clock::time_point when) {
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    // Towards the past also before 1970, where to_time_t() may round towards the future.
    const std::time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(when));
    std::tm local{};
    if (::localtime_r(&seconds, &local) == nullptr)
        return "(no such time)";  // a year beyond int, which no time_point of this clock can reach
    std::array<char, 96> text{};
    const int length = std::snprintf(text.data(), text.size(), "%s %s %2d %02d:%02d:%02d %d", days[local.tm_wday],
                                     months[local.tm_mon], local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
                                     1900 + local.tm_year);
    return {text.data(), static_cast<std::size_t>(length)};
}

std::string ctime_now() {
    return ctime(std::chrono::system_clock::now());
}

}  // namespace socketserver
