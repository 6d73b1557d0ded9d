#pragma once

/// \file
/// The time of day as ctime(3) writes it.

#include <chrono>
#include <string>

namespace socketserver {

/// A point in time as ctime(3) writes it: `Fri Nov 20 20:31:00 2026`, the day of the month padded with a space, in
/// English whatever the locale, in the local time zone (TZ, else /etc/localtime), without a newline.
///
/// Thread: any (localtime_r(3)). Like localtime_r it may look at the time zone only once in a program's life.
/// \param when the point in time; a fraction of a second is dropped
[[nodiscard]] std::string ctime(std::chrono::system_clock::time_point when);

/// The present time, as ctime() writes it: Python's `time.ctime()`. Thread: any.
[[nodiscard]] std::string ctime_now();

}  // namespace socketserver
