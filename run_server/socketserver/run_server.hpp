#pragma once

/// \file
/// A whole program out of a handler: command line, signals, log and exit codes.

#include <socketserver/detail/served_protocol.hpp>
#include <socketserver/serving/request_handler.hpp>

#include <type_traits>

namespace socketserver {

/// Serves a protocol as a program of its own; all that such a program's main() does.
///
/// \snippet time_server.cpp main
///
/// The command line (`--help` prints it) says where to listen and which concurrency to use. SIGINT and SIGTERM let running
/// requests end and then the program; a second one ends it now. One line on standard output tells when it is ready, one
/// line on standard error tells of each connection. A socket that a service manager hands over (sd_listen_fds(3)) is
/// served in place of one of its own.
///
/// What the program inherits does not matter to it: standard streams that are closed, signals that are blocked, SIGCHLD ignored.
/// SIGINT and SIGTERM that are ignored stay so (nohup(1)). SIGPIPE and SIGXFSZ are ignored: lines of the log that cannot be
/// written count in Statistics::log_lines_lost, and end nothing.
///
/// \tparam Handler serves connections; a RequestHandler of Socket. What it may offer:
///   - `static constexpr std::uint16_t default_port`: where to listen; without it, a port that the system chooses
///   - `static constexpr std::string_view description`: what the protocol does, in one sentence for `--help`
///   - `static constexpr std::string_view examples`: commands to try it for `--help`, one in each line; where a line begins with
///     `$0`, that stands for the program's name
///   - `Options`: options of its own, default-constructible. Its member template `declare(Add&& add)` calls
///     `add(name, what it does, variable)` for each; a variable is a `bool`, `std::string`, `std::size_t`, `std::uint16_t` (a
///     port) or `std::chrono::nanoseconds` (in seconds on the command line), and holds the default. For each argument that
///     must be given, without a name and in this order, it calls `add.argument("DIR", what it is, variable)`, where the
///     variable's type can be made from a std::string, and says by an exception what is wrong with that. If the handler can
///     be made from `(Socket&, const Address&, ServerContext&, const Options&)`, it is. If they have a member
///     `std::string objection(const Address&) const`, it is asked where the program is about to listen; unless it returns "", the
///     program says what it returned and ends with status 2
///   - `Factory` in place of Options: what an event-style protocol shares with others (WithFactory). One is made, and
///     handed to each protocol; it may `declare` options, too
///   - `static constexpr mode_t unix_socket_mode`: the permissions of a Unix socket's file, see
///     ServerOptions::unix_socket_mode
///   - `static constexpr bool cut_abandoned`: whether a request is cut when its peer has left, see ServerOptions::cut_abandoned
/// \tparam DatagramHandler serves datagrams, which `--udp` asks for; a RequestHandler of Datagram. It is handed the same
///   options if it can be made from them. `void`: the protocol has no datagram form
/// \param argc as main() got it
/// \param argv as main() got it; its first element is the program's name in messages
/// \return the exit status: 0 when told to end by a signal or a handler, 1 if it cannot serve, was ended by a second
///   signal or by a handler that computes on when it has been cut, or cannot write what `--help` asks for, 2 for a
///   command line it does not understand
///
/// Thread: the main one, while the program has no other.
template <class Handler, class DatagramHandler = void>
int run_server(int argc, char* argv[]) {
    static_assert(RequestHandler<Handler>, "run_server<Handler>: a handler has setup(), handle() and finish()");
    typename detail::OptionsOf<Handler>::Type options;
    detail::ServedProtocol protocol;
    if constexpr (requires { Handler::default_port; })
        protocol.default_port = Handler::default_port;
    if constexpr (requires { Handler::description; })
        protocol.description = Handler::description;
    if constexpr (requires { Handler::examples; })
        protocol.examples = Handler::examples;
    if constexpr (requires { options.declare(protocol.options); })
        options.declare(protocol.options);
    if constexpr (requires { Handler::unix_socket_mode; })
        protocol.unix_socket_mode = Handler::unix_socket_mode;
    if constexpr (requires { Handler::cut_abandoned; })
        protocol.cut_abandoned = Handler::cut_abandoned;
    if constexpr (requires(const Address& address) { options.objection(address); })
        protocol.objection = [&options](const Address& address) { return options.objection(address); };
    protocol.connections = detail::maker<Handler, Socket>(options);
    if constexpr (!std::is_void_v<DatagramHandler>) {
        protocol.datagrams = detail::maker<DatagramHandler, Datagram>(options);
        protocol.datagrams_take_options = detail::takes_options<DatagramHandler, Datagram, decltype(options)>;
    }
    return detail::run_program(protocol, argc, argv);
}

}  // namespace socketserver
