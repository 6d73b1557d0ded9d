/// \file
/// socketserver-bench: the modes compared on the handlers that everybody has.

#include "dialogue.hpp"

#include <socketserver/bench_main.hpp>
#include <socketserver/handlers/echo_handler.hpp>
#include <socketserver/handlers/time_handler.hpp>

#include <utility>
#include <vector>

namespace ss = socketserver;

int main(int argc, char* argv[]) {
    ss::detail::NoOptions none;
    std::vector<ss::detail::BenchHandler> handlers;
    handlers.push_back(
        ss::detail::bench_handler<ss::EchoHandler, ss::EchoDatagramHandler>("echo", none, ss::bench::echo_dialogue()));
    handlers.push_back(
        ss::detail::bench_handler<ss::TimeHandler, ss::TimeDatagramHandler>("time", none, ss::bench::time_dialogue()));
    return ss::detail::run_bench(handlers, argc, argv);
}
