#pragma once

/// \file
/// How a server makes its handlers: the only part of a server that is a template over the handler.

#include <socketserver/net/address.hpp>
#include <socketserver/server_options.hpp>
#include <socketserver/serving/request_handler.hpp>
#include <socketserver/serving/server_context.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <tuple>
#include <utility>

namespace socketserver::detail {

/// A server of a concurrency that runs a Handler for each request.
/// \tparam Handler the handler's type
/// \tparam Base the server without handlers, for instance ThreadingMixIn<StreamServer>
template <RequestHandler Handler, class Base>
class HandlerServer : public Base {
public:
    using Request = typename Base::RequestType;

    template <class... Args>
    HandlerServer(Address address, ServerOptions options, Args&&... args)
        : Base(std::move(address), std::move(options)), run_(make_runner(std::forward<Args>(args)...)) {
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

protected:
    void finish_request(Request& request, const Address& client) override { run_(request, client, *this); }

private:
    using Runner = std::function<void(Request&, const Address&, ServerContext&)>;

    // What the server was given as a temporary it keeps; everything else it refers to.
    template <class... Args>
    static Runner make_runner(Args&&... args) {
        static_assert(std::constructible_from<Handler, Request&, const Address&, ServerContext&, Args&...>,
                      "this server makes its handlers from (Request&, const Address&, ServerContext&, Args&...), where "
                      "Request is Socket for a stream server and Datagram for a datagram server, and the Args are "
                      "the server's constructor arguments after its options; the handler has no such constructor");
        if constexpr (sizeof...(Args) == 0) {
            return [](Request& request, const Address& client, ServerContext& server) {
                Handler handler(request, client, server);
                run_handler(handler);
            };
        } else {
            auto shared = std::make_shared<std::tuple<Args...>>(std::forward<Args>(args)...);
            return [shared](Request& request, const Address& client, ServerContext& server) {
                std::apply(
                    [&](auto&... each) {
                        Handler handler(request, client, server, each...);
                        run_handler(handler);
                    },
                    *shared);
            };
        }
    }

    Runner run_;
};

}  // namespace socketserver::detail
