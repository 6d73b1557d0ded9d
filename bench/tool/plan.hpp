#pragma once

/// \file
/// The matrix: which measurements there are, which are left out, and how long all of it takes.

#include "load.hpp"
#include "settings.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace socketserver::bench {

/// A server under one kind of load. A value.
struct Cell {
    Subject subject;
    Shape shape = Shape::keepalive;
    std::size_t connections = 1;
    std::size_t depth = 1;
    bool open_loop = false;  ///< whether it is measured at fixed rates, too
};

/// "selecting, keepalive, 100 connections"
[[nodiscard]] std::string describe(const Cell& cell);

/// What is not measured, and why. A value.
struct LeftOut {
    std::string mode;
    std::optional<Shape> shape;              ///< none: all
    std::optional<std::size_t> connections;  ///< none: all
    std::string reason;
};

/// A value.
struct Plan {
    std::vector<Cell> cells;  ///< in the order of the table
    std::vector<LeftOut> left_out;
    std::size_t runs = 0;                 ///< over all cells and repetitions
    std::chrono::nanoseconds expected{};  ///< how long they will take
};

/// Makes the matrix.
/// \param settings what is asked for
/// \param datagrams whether the handler has a datagram form
/// \throw socketserver::detail::UsageError if a rate is asked for, and no shape that is measured takes one
[[nodiscard]] Plan make_plan(const Settings& settings, bool datagrams);

/// What a run takes beside the time in which requests are made: processes that start and end, connections that are made.
[[nodiscard]] std::chrono::nanoseconds overhead(const Cell& cell);

}  // namespace socketserver::bench
