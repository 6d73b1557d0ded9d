#pragma once

/// \file
/// How handlers are made and run, whatever their type: for servers and for programs.

#include <socketserver/detail/event_session.hpp>
#include <socketserver/net/address.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/serving/event_handler.hpp>
#include <socketserver/serving/request_handler.hpp>
#include <socketserver/serving/server_context.hpp>

#include <concepts>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace socketserver::detail {

/// Makes handlers of one type and runs them. Thread: any, any number at once.
/// \tparam Request what they serve: Socket or Datagram
template <class Request>
class HandlerMaker {
public:
    virtual ~HandlerMaker() = default;
    HandlerMaker(const HandlerMaker&) = delete;
    HandlerMaker& operator=(const HandlerMaker&) = delete;

    /// Makes a handler and runs it, from setup() to finish().
    virtual void run(Request& request, const Address& client, ServerContext& server) = 0;

    /// Whether its handlers are event-style.
    [[nodiscard]] virtual bool event_style() const noexcept = 0;

    /// Makes an event-style handler that is to be called for each event.
    /// \return the handler, not begun; null unless event_style()
    [[nodiscard]] virtual std::unique_ptr<EventSession> begin(Request& request, const Address& client,
                                                              ServerContext& server) = 0;

protected:
    HandlerMaker() = default;
};

/// Makes handlers of a type.
/// \tparam Args what they are made from besides the request, the client and the server: a reference is referred to, a value
///   is kept
template <RequestHandler Handler, class Request, class... Args>
class HandlerMakerFrom final : public HandlerMaker<Request> {
public:
    static_assert(!std::is_abstract_v<Handler>,
                  "this handler is an abstract class: it does not override all that its base leaves to it");
    static_assert(!EventHandler<Handler> || std::same_as<Request, Socket>,
                  "an event-style handler is for connections: a datagram is all there when its handler is made");

    explicit HandlerMakerFrom(Args&&... args) : shared_(std::forward<Args>(args)...) {
        if constexpr (requires { Handler::template check_overrides<Handler>(); })
            Handler::template check_overrides<Handler>();
    }

    void run(Request& request, const Address& client, ServerContext& server) override {
        std::apply(
            [&](auto&... shared) __attribute__((always_inline)) {
                Handler handler(request, client, server, shared...);
                run_handler(handler, request, client);
            },
            shared_);
    }

    [[nodiscard]] bool event_style() const noexcept override { return EventHandler<Handler>; }

    std::unique_ptr<EventSession> begin(Request& request, const Address& client, ServerContext& server) override {
        if constexpr (EventHandler<Handler>)
            return std::apply(
                [&](auto&... shared) {
                    return std::make_unique<EventSessionOf<Handler>>(request, client, server, shared...);
                },
                shared_);
        else
            return nullptr;
    }

private:
    std::tuple<Args...> shared_;
};

}  // namespace socketserver::detail
