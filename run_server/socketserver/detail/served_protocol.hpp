#pragma once

/// \file
/// What run_server() tells the rest of the program about its handlers: the only part that is a template.

#include <socketserver/detail/handler_maker.hpp>
#include <socketserver/detail/program_options.hpp>
#include <socketserver/net/address.hpp>
#include <socketserver/net/datagram.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/serving/request_handler.hpp>
#include <socketserver/serving/server_context.hpp>

#include <sys/types.h>

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace socketserver::detail {

/// A protocol as a program serves it. Refers to the handlers' options.
struct ServedProtocol {
    std::uint16_t default_port = 0;                     ///< where to listen; 0: the system chooses
    std::string_view description;                       ///< one sentence, or ""
    std::string_view examples;                          ///< for help: commands, a line each; "$0" is the program
    ProgramOptions options;                             ///< the handlers' own
    std::unique_ptr<HandlerMaker<Socket>> connections;  ///< makes handlers of connections
    std::unique_ptr<HandlerMaker<Datagram>> datagrams;  ///< makes those of datagrams; null: no such form
    bool datagrams_take_options = false;                ///< whether the options mean anything to those of datagrams
    std::optional<mode_t> unix_socket_mode;             ///< the permissions of a Unix socket's file
    bool cut_abandoned = false;                         ///< whether a request ends when its peer has left
    /// What speaks against listening on an address, "" for nothing; may be empty itself.
    std::function<std::string(const Address&)> objection;
};

/// The program: reads the command line, makes the server and runs it.
/// \return the exit status
int run_program(const ServedProtocol& protocol, int argc, char* argv[]);

/// Stands for the options of a handler that has none.
struct NoOptions {};

/// The type of what a program's handlers share: their own options, or their factory.
template <class Handler>
struct OptionsOf {
    using Type = NoOptions;
};

template <class Handler>
    requires requires {
        typename Handler::Options;
    }
struct OptionsOf<Handler> {
    using Type = typename Handler::Options;
};

template <class Handler>
    requires requires {
        typename Handler::Factory;
    }
struct OptionsOf<Handler> {
    using Type = typename Handler::Factory;
};

/// Whether a handler is made from options, too.
template <class Handler, class Request, class Options>
inline constexpr bool takes_options =
    std::constructible_from<Handler, Request&, const Address&, ServerContext&, Options&>;

/// Makes a program's handlers.
/// \param options what they are made from, if they can be; must outlive the maker
template <class Handler, class Request, class Options>
std::unique_ptr<HandlerMaker<Request>> maker(Options& options) {
    static_assert(RequestHandler<Handler>, "a handler has setup(), handle() and finish()");
    static_assert(std::is_abstract_v<Handler> || takes_options<Handler, Request, Options> ||
                      std::constructible_from<Handler, Request&, const Address&, ServerContext&>,
                  "a handler is made from (Request&, const Address&, ServerContext&), where Request is Socket for "
                  "run_server's first handler and Datagram for its second, or from these and (const Options&) or "
                  "(Factory&)");
    if constexpr (takes_options<Handler, Request, Options>) {
        return std::make_unique<HandlerMakerFrom<Handler, Request, Options&>>(options);
    } else {
        static_cast<void>(options);
        return std::make_unique<HandlerMakerFrom<Handler, Request>>();
    }
}

}  // namespace socketserver::detail
