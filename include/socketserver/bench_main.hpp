#pragma once

/// \file
/// A benchmark program out of a handler: which concurrency serves it best, in figures.

#include <socketserver/detail/served_protocol.hpp>
#include <socketserver/net/parse_result.hpp>
#include <socketserver/serving/request_handler.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace socketserver {

/// What a benchmark's clients say to a handler, and what they expect to hear. A value.
///
/// Thread: both functions are called in the processes of the clients, by several threads at once.
struct BenchDialogue {
    /// Makes a request.
    ///
    /// Takes a number that no other request of a run has, and returns the bytes to send, for datagrams all of one. If
    /// they differ with the number, a reply that belongs to another request is found out. Without it: a line of 32
    /// bytes with that number.
    std::function<std::string(std::uint64_t number)> request = {};

    /// Finds the reply at the front of what has come from the server, and checks it.
    ///
    /// Takes the request and the bytes that have come since the reply before; returns the reply and its length, or
    /// Incomplete if more must come, or what is wrong with it (ParseError), which ends the benchmark. Without it: a line
    /// is a reply, whatever is in it; of datagrams, each.
    std::function<ParseResult<std::string_view>(std::string_view request, std::string_view received)> reply = {};
};

namespace detail {

/// A handler to be measured. Refers to the handlers' options.
struct BenchHandler {
    std::string name;         ///< as the report names it; "": as the program
    ServedProtocol protocol;  ///< how it is served
    BenchDialogue dialogue;   ///< how it is asked
};

/// The program: reads the command line, measures and reports.
/// \param handlers what can be measured; `--handler` chooses one by name if there are several, else it is the first
/// \return the exit status
int run_bench(const std::vector<BenchHandler>& handlers, int argc, char* argv[]);

/// Makes a handler that can be measured.
/// \param options of the handler, whatever their type; must outlive what is returned
template <class Handler, class DatagramHandler, class Options>
BenchHandler bench_handler(std::string name, Options& options, BenchDialogue dialogue) {
    static_assert(RequestHandler<Handler>, "a handler has setup(), handle() and finish()");
    BenchHandler made{std::move(name), {}, std::move(dialogue)};
    if constexpr (requires { Handler::description; })
        made.protocol.description = Handler::description;
    if constexpr (requires { options.declare(made.protocol.options); })
        options.declare(made.protocol.options);
    made.protocol.connections = maker<Handler, Socket>(options);
    if constexpr (!std::is_void_v<DatagramHandler>) {
        made.protocol.datagrams = maker<DatagramHandler, Datagram>(options);
        made.protocol.datagrams_take_options = takes_options<DatagramHandler, Datagram, Options>;
    }
    return made;
}

}  // namespace detail

/// Measures a handler under every concurrency; all that a benchmark program's main() does.
///
/// \snippet bench_own_handler.cpp main
///
/// Serves the handler in each mode, in a process and on a processor of its own, while clients in another process ask it
/// what the dialogue says and check each reply. Prints a table of requests per second, latencies, processor time for a
/// request, memory for a connection and errors, and says which mode to choose. The command line (`--help` prints it) says
/// which modes, numbers of connections and shapes of requests, and where a report is to be written.
///
/// The program runs itself again for servers and clients: what main() does before it calls this is done in those processes,
/// too, where the arguments are others.
///
/// \tparam Handler serves connections; what it may offer says run_server(). Its own options are taken on the command line,
///   and stand for the whole benchmark
/// \tparam DatagramHandler serves datagrams, likewise, with those options if it is made from them; `void`: datagrams are not
///   measured
/// \param argc as main() got it
/// \param argv as main() got it; its first element is the program's name in messages
/// \param dialogue what is said to the handler, and what is expected
/// \return the exit status: 0 when what can be measured has been, 1 if nothing can, a reply is wrong or (`diff`) something has
///   become worse, 2 for a command line it does not understand, 130 after Ctrl-C, which keeps what was measured by then
///
/// Thread: the main one, while the program has no other.
template <class Handler, class DatagramHandler = void>
int bench_main(int argc, char* argv[], BenchDialogue dialogue = {}) {
    typename detail::OptionsOf<Handler>::Type options;
    std::vector<detail::BenchHandler> handlers;
    handlers.push_back(detail::bench_handler<Handler, DatagramHandler>("", options, std::move(dialogue)));
    return detail::run_bench(handlers, argc, argv);
}

}  // namespace socketserver
