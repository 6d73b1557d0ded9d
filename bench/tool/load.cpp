#include "load.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace socketserver::bench {

namespace {

constexpr std::array<std::pair<Shape, const char*>, 5> names{{{Shape::keepalive, "keepalive"},
                                                              {Shape::pipelined, "pipelined"},
                                                              {Shape::connect, "connect"},
                                                              {Shape::udp, "udp"},
                                                              {Shape::idle, "idle"}}};

}  // namespace

std::string to_string(Shape shape) {
    return std::find_if(names.begin(), names.end(), [&](const auto& name) { return name.first == shape; })->second;
}

std::optional<Shape> parse_shape(const std::string& name) {
    const auto found = std::find_if(names.begin(), names.end(), [&](const auto& each) { return each.second == name; });
    return found == names.end() ? std::nullopt : std::optional(found->first);
}

}  // namespace socketserver::bench
