#pragma once

/// \file
/// What a type must offer to be a request handler, and the order in which its parts run.

#include <socketserver/serving/event_handler.hpp>

#include <cxxabi.h>

namespace socketserver {

/// A request handler: any type with setup(), handle() and finish(), normally derived from StreamRequestHandler or
/// DatagramRequestHandler; or an EventHandler, which has input_ready() in place of handle(). A server makes one for each request, from
/// `(Request&, const Address& client, ServerContext&, Args&...)`, where Request is Socket or Datagram and the Args
/// are the server's further constructor arguments.
template <class Handler>
concept RequestHandler = EventHandler<Handler> || requires(Handler& handler) {
    handler.setup();
    handler.handle();
    handler.finish();
};

/// Thrown by a handler to end more than its own request; the part that SystemExit plays in Python. It is no std::exception, so
/// that handlers which catch those let it pass. It skips handle_error; the request is closed. Then it comes out of
/// serve_forever() where that runs the handlers itself, ends the thread of a threading server, and ends the child of a
/// forking one with status 1.
struct SystemExit {
    int status = 0;  ///< for whoever catches it
};

/// Finishes a handler whose handle() threw: abandon(), if it has one, and finish(), of which an exception is dropped. To be called while
/// handle()'s exception is being handled.
/// \param handler the handler
template <class Handler>
void finish_failed_handler(Handler& handler) {
    if constexpr (requires { handler.abandon(); })
        handler.abandon();
    try {
        handler.finish();
    } catch (const abi::__forced_unwind&) {
        throw;
    } catch (...) {  // NOLINT(bugprone-empty-catch): the first error is the one to tell
    }
}

/// Runs a handler: setup(), handle(), finish(). If handle() throws, finish() runs all the same, and the exception passes
/// on; what finish() throws then is dropped. If setup() throws, nothing else runs. A handler with an abandon() is
/// told by it that handle() threw, before finish().
/// \param handler the handler; used once
/// \param request its request
/// \param client who sent it
template <RequestHandler Handler, class Request>
void run_handler(Handler& handler, Request& request, const Address& client) {
    handler.setup();
    try {
        if constexpr (EventHandler<Handler>)
            handle_events(handler, request, client);
        else
            handler.handle();
    } catch (const abi::__forced_unwind&) {
        throw;
    } catch (...) {
        finish_failed_handler(handler);
        throw;
    }
    handler.finish();
}

}  // namespace socketserver
