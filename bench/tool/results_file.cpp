#include "results_file.hpp"

#include "command_line.hpp"

#include <socketserver/os/error.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <boost/version.hpp>

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>

namespace socketserver::bench {

namespace {

using json = nlohmann::ordered_json;

constexpr int version = 1;

/// Six digits say all that there is to say.
double rounded(double value) {
    if (value == 0 || !std::isfinite(value))
        return 0;
    const double unit = std::pow(10, std::floor(std::log10(std::fabs(value))) - 5);
    return unit >= 1 ? std::round(value) : std::round(value / unit) * unit;
}

json to_json(const Figure& figure) {
    if (figure.runs.empty())
        return nullptr;
    json runs = json::array();
    for (const double run : figure.runs)
        runs.push_back(rounded(run));
    return {{"median", rounded(figure.median())},
            {"least", rounded(figure.least())},
            {"greatest", rounded(figure.greatest())},
            {"runs", runs}};
}

template <class Value>
json or_null(const std::optional<Value>& value) {
    return value ? json(*value) : json(nullptr);
}

double in_microseconds(std::chrono::nanoseconds span) {
    return rounded(std::chrono::duration<double, std::micro>(span).count());
}

json points(const LatencyHistogram& latencies) {
    json all = json::array();
    const std::uint64_t count = latencies.count();
    if (count == 0)
        return all;
    for (const double percent : {0.0, 10.0, 25.0, 50.0, 75.0})
        all.push_back({percent, in_microseconds(latencies.quantile(percent / 100))});
    // 90, 95, 98, 99, 99.5, 99.8, 99.9 ... as long as some requests lie beyond.
    constexpr double steps[] = {1, 0.5, 0.2};
    for (int nines = 1; std::pow(0.1, nines) * static_cast<double>(count) >= 1; ++nines) {
        for (const double step : steps) {
            const double beyond = std::pow(0.1, nines) * step;
            if (beyond * static_cast<double>(count) >= 1)
                all.push_back({100 - std::pow(10, 2 - nines) * step, in_microseconds(latencies.quantile(1 - beyond))});
        }
    }
    all.push_back({100.0, in_microseconds(latencies.quantile(1))});
    return all;
}

json to_json(const Measurement& measurement) {
    const Cell& cell = measurement.cell;
    const bool idle = cell.shape == Shape::idle;
    json latency = nullptr;
    for (std::size_t i = 0; i < measurement.latency.size(); ++i)
        latency[percentiles[i].name] = to_json(measurement.latency[i]);
    return {{"mode", cell.subject.name},
            {"outside", cell.subject.outside()},
            {"shape", to_string(cell.shape)},
            {"connections", cell.connections},
            {"depth", cell.depth},
            {"loop", idle ? json(nullptr) : json(measurement.open ? "open" : "closed")},
            {"load", or_null(measurement.load)},
            {"target_rate", measurement.target_rate ? json(rounded(*measurement.target_rate)) : json(nullptr)},
            {"repetitions", measurement.repetitions},
            {"requests", measurement.requests},
            {"errors", measurement.errors},
            {"first_error", measurement.first_error.empty() ? json(nullptr) : json(measurement.first_error)},
            {"rate", to_json(measurement.rate)},
            {"latency", latency},
            {"latency_points", points(measurement.latencies)},
            {"cpu_us_per_request", to_json(measurement.cpu)},
            {"memory_bytes_per_connection", to_json(measurement.memory)},
            {"generator_busy", to_json(measurement.busy)},
            {"limited_by_generator", measurement.limited_by_generator()}};
}

/// What follows a key at the beginning of a line of a file.
std::string value_in(const char* path, const std::string& key) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(key))
            continue;
        const auto begin = line.find_first_not_of(" \t:=\"", key.size());
        const auto end = line.find_last_not_of("\" ");
        return begin == std::string::npos ? "" : line.substr(begin, end + 1 - begin);
    }
    return "unknown";
}

json machine() {
    utsname system{};
    ::uname(&system);
    const auto memory = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
    return {{"processor", value_in("/proc/cpuinfo", "model name")},
            {"processors", usable_processors().size()},
            {"memory_bytes", static_cast<std::uint64_t>(memory)},
            {"system", value_in("/etc/os-release", "PRETTY_NAME")},
            {"kernel", system.release}};
}

std::string dotted(int major, int minor, int patch) {
    return std::to_string(major) + '.' + std::to_string(minor) + '.' + std::to_string(patch);
}

json build() {
#ifdef __clang__
    const std::string compiler = "clang " + dotted(__clang_major__, __clang_minor__, __clang_patchlevel__);
#else
    const std::string compiler = "g++ " + dotted(__GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
    const std::string boost = dotted(BOOST_VERSION / 100'000, BOOST_VERSION / 100 % 1'000, BOOST_VERSION % 100);
    const std::string nlohmann =
        dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH);
    return {{"compiler", compiler},
            {"optimised", optimised()},
            {"socketserver", SOCKETSERVER_VERSION},
            {"libraries", {{"Boost", boost}, {"nlohmann-json", nlohmann}}}};
}

std::string now() {
    const std::time_t time = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&time, &utc);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

}  // namespace

bool optimised() noexcept {
#ifdef __OPTIMIZE__
    return true;
#else
    return false;
#endif
}

std::string to_json(const Results& results, const Settings& settings, const Circumstances& circumstances) {
    json measurements = json::array();
    for (const Measurement& measurement : results.measurements)
        measurements.push_back(to_json(measurement));
    json left_out = json::array();
    for (const LeftOut& each : results.left_out)
        left_out.push_back({{"mode", each.mode},
                            {"shape", each.shape ? json(to_string(*each.shape)) : json(nullptr)},
                            {"connections", or_null(each.connections)},
                            {"reason", each.reason}});
    const json all{{"format", "socketserver-bench"},
                   {"version", version},
                   {"created", now()},
                   {"complete", results.complete},
                   {"handler", circumstances.handler},
                   {"command", circumstances.command},
                   {"machine", machine()},
                   {"build", build()},
                   {"settings",
                    {{"seconds", std::chrono::duration<double>(settings.run).count()},
                     {"repetitions", settings.repetitions},
                     {"request_bytes", circumstances.request_bytes},
                     {"server_processors", settings.server_processors},
                     {"client_processors", settings.client_processors}}},
                   {"measurements", measurements},
                   {"left_out", left_out},
                   {"advice", circumstances.advice},
                   {"warnings", circumstances.warnings}};
    // What a server said need not be UTF-8.
    return all.dump(1, ' ', false, json::error_handler_t::replace) + '\n';
}

void write_file(const std::string& path, const std::string& content) {
    const std::string unfinished = path + ".unfinished";
    constexpr mode_t permissions = 0644;
    UniqueFd file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, permissions));
    if (!file)
        throw_errno(errno, "open", unfinished);
    for (std::size_t written = 0; written < content.size();) {
        const ssize_t count = ::write(file.get(), content.data() + written, content.size() - written);
        if (count < 0 && errno != EINTR) {
            const int error = errno;
            ::unlink(unfinished.c_str());
            throw_errno(error, "write", unfinished);
        }
        written += static_cast<std::size_t>(count < 0 ? 0 : count);
    }
    file.reset();
    if (::rename(unfinished.c_str(), path.c_str()) != 0)
        throw_errno(errno, "rename", unfinished);
}

void prepare_folder(const std::string& path) {
    constexpr mode_t permissions = 0755;
    if (::mkdir(path.c_str(), permissions) != 0 && errno != EEXIST)
        throw_errno(errno, "mkdir", path);
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        throw_errno(errno, "stat", path);
    if (!S_ISDIR(status.st_mode))
        throw_errno(ENOTDIR, "write into", path);
    if (::access(path.c_str(), W_OK | X_OK) != 0)
        throw_errno(errno, "write into", path);
}

}  // namespace socketserver::bench
