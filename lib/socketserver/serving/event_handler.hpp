#pragma once

/// \file
/// Handlers that are called for what happens on their connection, instead of waiting for it.

#include <socketserver/net/socket.hpp>
#include <socketserver/os/error.hpp>

#include <concepts>

namespace socketserver {

/// An event-style handler of a connection: a type with setup(), input_ready() and finish().
///
/// `bool input_ready()` is called whenever the connection has input, or the end of it. It may read, write and wait like any
/// handler; it returns whether to be called again. Between two calls the handler needs no stack, so that under Selecting an
/// idle connection costs no more than its objects; under every other concurrency the request's thread or child waits.
///
/// It may have
/// - `bool expects_input()`, which is asked once, after setup(): if false, the request ends without a wait;
/// - `Deadline input_deadline()`, which is asked before each wait for input and says until when to wait, in place of the
///   connection's time-out;
/// - `void input_timed_out()`, which is called when that has come, and throws what there is to say about it.
template <class Handler>
concept EventHandler = requires(Handler& handler) {
    handler.setup();
    { handler.input_ready() } -> std::same_as<bool>;
    handler.finish();
};

/// Whether an event-style handler that has been set up wants to be called for input.
/// \param handler the handler
template <EventHandler Handler>
[[nodiscard]] bool expects_input(const Handler& handler) {
    if constexpr (requires { handler.expects_input(); })
        return handler.expects_input();
    else
        return true;
}

/// Until when to wait for an event-style handler's input.
/// \param handler the handler
/// \param request its connection
template <EventHandler Handler>
[[nodiscard]] Deadline input_deadline(const Handler& handler, const Socket& request) {
    if constexpr (requires { handler.input_deadline(); })
        return handler.input_deadline();
    else
        return Deadline::from_timeout(request.gettimeout());
}

/// What the end of a wait for input means to an event-style handler.
/// \param handler the handler
/// \param waited how the wait ended
/// \param client the peer
/// \throw boost::system::system_error with ETIMEDOUT if input_deadline() came first, unless the handler throws something else;
///   ECANCELED if the request is being cut
template <EventHandler Handler>
void check_wait_for_input(Handler& handler, WaitResult waited, const Address& client) {
    if (waited == WaitResult::timed_out) {
        if constexpr (requires { handler.input_timed_out(); })
            handler.input_timed_out();
        throw_errno(ETIMEDOUT, "recv from", client.to_string());
    }
    if (waited == WaitResult::cut)
        throw_errno(ECANCELED, "recv from", client.to_string());
}

/// Calls an event-style handler for each input until it has had enough: its handle(), in a context that waits.
/// \param handler the handler
/// \param request its connection
/// \param client the peer
template <EventHandler Handler>
void handle_events(Handler& handler, Socket& request, const Address& client) {
    if (!expects_input(handler))
        return;
    do {
        check_wait_for_input(handler, request.wait(Interest::readable, input_deadline(handler, request)), client);
    } while (handler.input_ready());
}

}  // namespace socketserver
