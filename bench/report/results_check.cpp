#include "results_check.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>

namespace socketserver::bench::detail {

namespace {

using Json = nlohmann::json;

// Results are six deep; what nests deeper is not, and would be walked by recursion.
constexpr int deepest = 32;

/// A value of the results, and how it is reached. Lives as long as the results.
class Value {
public:
    Value(const Json& json, std::string path) : json_(json), path_(std::move(path)) {}

    [[nodiscard]] Value operator[](const char* name) const {
        if (!json_.is_object())
            fail("an object is wanted");
        const auto found = json_.find(name);
        if (found == json_.end())
            fail(std::string("member \"") + name + "\" is missing");
        return {*found, path_.empty() ? name : path_ + '.' + name};
    }

    [[nodiscard]] bool is_null() const noexcept { return json_.is_null(); }

    void string() const {
        if (!json_.is_string())
            fail("a string is wanted");
    }
    void string_or_null() const {
        if (!is_null())
            string();
    }
    void boolean() const {
        if (!json_.is_boolean())
            fail("true or false is wanted");
    }
    void number() const {
        if (!json_.is_number())
            fail("a number is wanted");
    }
    void number_or_null() const {
        if (!is_null())
            number();
    }
    // How many there are of something of which there is one at least.
    void count() const {
        if (!json_.is_number_unsigned() || json_.get<std::uint64_t>() == 0)
            fail("a whole number from 1 up is wanted");
    }

    template <class Check>
    void each(Check check) const {
        if (!json_.is_array())
            fail("a list is wanted");
        for (std::size_t i = 0; i < json_.size(); ++i)
            check(Value(json_[i], path_ + '[' + std::to_string(i) + ']'));
    }
    template <class Check>
    void each_member(Check check) const {
        if (!json_.is_object())
            fail("an object is wanted");
        for (const auto& [name, value] : json_.items())
            check(Value(value, path_ + '.' + name));
    }
    [[nodiscard]] const Json& json() const noexcept { return json_; }

    [[noreturn]] void fail(const std::string& what) const {
        throw std::invalid_argument("results: " + (path_.empty() ? what : path_ + ": " + what));
    }

private:
    const Json& json_;
    std::string path_;
};

void check_strings(const Value& value) {
    value.each([](const Value& each) { each.string(); });
}

void check_figure(const Value& value) {
    if (value.is_null())
        return;
    for (const char* name : {"median", "least", "greatest"})
        value[name].number();
    const Value runs = value["runs"];
    runs.each([](const Value& run) { run.number(); });
    if (runs.json().empty())
        runs.fail("a figure is made of one run at least");
}

void check_latency_points(const Value& points) {
    points.each([](const Value& point) {
        point.each([](const Value& each) { each.number(); });
        if (point.json().size() != 2)
            point.fail("a percentile and a latency are wanted");
    });
}

void check_measurement(const Value& value) {
    for (const char* name : {"mode", "shape"})
        value[name].string();
    for (const char* name : {"connections", "depth", "repetitions"})
        value[name].count();
    value["loop"].string_or_null();
    for (const char* name : {"load", "target_rate"})
        value[name].number_or_null();
    if (value["loop"].json() == "open")
        value["target_rate"].number();
    for (const char* name : {"requests", "errors"})
        value[name].number();
    for (const char* name : {"rate", "cpu_us_per_request", "memory_bytes_per_connection"})
        check_figure(value[name]);
    if (const Value latency = value["latency"]; !latency.is_null())
        for (const char* name : {"p50_us", "p90_us", "p99_us", "p99_9_us", "max_us"})
            check_figure(latency[name]);
    check_latency_points(value["latency_points"]);
    value["limited_by_generator"].boolean();
}

void check_circumstances(const Value& results) {
    const Value machine = results["machine"];
    for (const char* name : {"processor", "system", "kernel"})
        machine[name].string();
    for (const char* name : {"processors", "memory_bytes"})
        machine[name].number();

    const Value build = results["build"];
    for (const char* name : {"compiler", "socketserver"})
        build[name].string();
    build["optimised"].boolean();
    build["libraries"].each_member([](const Value& version) { version.string(); });

    const Value settings = results["settings"];
    for (const char* name : {"seconds", "repetitions", "request_bytes"})
        settings[name].number();
    for (const char* name : {"server_processors", "client_processors"})
        settings[name].each([](const Value& processor) { processor.number(); });
}

void check(const Value& results) {
    if (results["format"].json() != "socketserver-bench")
        results.fail("this was not written by socketserver-bench: \"format\" is another");
    if (results["version"].json() != 1)
        results["version"].fail("1 is wanted: another version of socketserver-bench wrote this");
    for (const char* name : {"created", "handler"})
        results[name].string();
    results["complete"].boolean();
    for (const char* name : {"command", "advice", "warnings"})
        check_strings(results[name]);
    check_circumstances(results);
    results["measurements"].each(check_measurement);
    results["left_out"].each([](const Value& combination) {
        for (const char* name : {"mode", "reason"})
            combination[name].string();
        combination["shape"].string_or_null();
        combination["connections"].number_or_null();
    });
}

}  // namespace

std::string checked_results(const std::string& text) {
    try {
        const auto bounded = [](int depth, Json::parse_event_t, Json&) {
            if (depth > deepest)
                throw std::invalid_argument("results: this nests deeper than results do");
            return true;
        };
        const Json results = Json::parse(text, bounded);
        check(Value(results, ""));
        return results.dump(-1, ' ', true);
    } catch (const Json::exception& error) {
        throw std::invalid_argument(std::string("results: this is no JSON: ") + error.what());
    }
}

}  // namespace socketserver::bench::detail
