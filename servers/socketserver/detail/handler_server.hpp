#pragma once

/// \file
/// How a server makes its handlers: the only part of a server that is a template over the handler.

#include <socketserver/detail/handler_maker.hpp>
#include <socketserver/net/address.hpp>
#include <socketserver/server_options.hpp>
#include <socketserver/serving/request_handler.hpp>
#include <socketserver/serving/server_context.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace socketserver::detail {

/// A server of a concurrency that runs a Handler for each request.
/// \tparam Handler the handler's type
/// \tparam Base the server without handlers, for instance ThreadingMixIn<StreamServer>
template <RequestHandler Handler, class Base>
class HandlerServer : public Base {
public:
    /// What comes in.
    using Request = typename Base::RequestType;

    template <class... Args>
    HandlerServer(Address address, ServerOptions options, Args&&... args)
        : Base(std::move(address), std::move(options)), maker_(make_maker(std::forward<Args>(args)...)) {
        this->make_handlers_with(*maker_);
        if (!this->options().bind_and_activate)
            return;
        try {
            this->server_bind();
            this->server_activate();
        } catch (...) {
            this->server_close();
            throw;
        }
    }

private:
    template <class... Args>
    static std::unique_ptr<HandlerMaker<Request>> make_maker(Args&&... args) {
        static_assert(std::is_abstract_v<Handler> ||
                          std::constructible_from<Handler, Request&, const Address&, ServerContext&, Args&...>,
                      "this server makes its handlers from (Request&, const Address&, ServerContext&, Args&...), where "
                      "Request is Socket for a stream server and Datagram for a datagram server, and the Args are "
                      "the server's constructor arguments after its options; the handler has no such constructor");
        // What was given as a temporary is kept; the rest is referred to.
        return std::make_unique<HandlerMakerFrom<Handler, Request, Args...>>(std::forward<Args>(args)...);
    }

    std::unique_ptr<HandlerMaker<Request>> maker_;
};

}  // namespace socketserver::detail
