#pragma once

/// \file
/// How a server makes its handlers: the only part of a server that is a template over the handler.

#include <socketserver/net/address.hpp>
#include <socketserver/server_options.hpp>
#include <socketserver/serving/request_handler.hpp>
#include <socketserver/serving/server_context.hpp>

#include <concepts>
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
    /// What comes in.
    using Request = typename Base::RequestType;

    template <class... Args>
    HandlerServer(Address address, ServerOptions options, Args&&... args)
        : Base(std::move(address), std::move(options)), maker_(make_maker(std::forward<Args>(args)...)) {
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
    void finish_request(Request& request, const Address& client) override { maker_->run(request, client, *this); }

    std::unique_ptr<EventSession> begin_events(Request& request, const Address& client) override {
        return maker_->begin(request, client, *this);
    }

private:
    // Makes handlers, from arguments of whatever types the constructor was given.
    class Maker {
    public:
        virtual ~Maker() = default;
        virtual void run(Request& request, const Address& client, ServerContext& server) = 0;
        virtual std::unique_ptr<EventSession> begin(Request& request, const Address& client, ServerContext& server) = 0;
    };

    class Session final : public EventSession {
    public:
        template <class... Args>
        explicit Session(Args&... args) : handler_(args...) {}
        void setup() override { handler_.setup(); }
        bool input_ready() override {
            if constexpr (EventHandler<Handler>)
                return handler_.input_ready();
            else
                return false;
        }
        void finish() override { handler_.finish(); }

    private:
        Handler handler_;
    };

    template <class... Args>
    class MakerFrom final : public Maker {
    public:
        explicit MakerFrom(Args&&... args) : shared_(std::forward<Args>(args)...) {}

        void run(Request& request, const Address& client, ServerContext& server) override {
            std::apply(
                [&](auto&... shared) {
                    Handler handler(request, client, server, shared...);
                    run_handler(handler, request, client);
                },
                shared_);
        }

        std::unique_ptr<EventSession> begin(Request& request, const Address& client, ServerContext& server) override {
            if constexpr (EventHandler<Handler>)
                return std::apply(
                    [&](auto&... shared) { return std::make_unique<Session>(request, client, server, shared...); },
                    shared_);
            else
                return nullptr;
        }

    private:
        std::tuple<Args...> shared_;  // what was given as a temporary is kept; the rest is referred to
    };

    template <class... Args>
    static std::unique_ptr<Maker> make_maker(Args&&... args) {
        static_assert(std::constructible_from<Handler, Request&, const Address&, ServerContext&, Args&...>,
                      "this server makes its handlers from (Request&, const Address&, ServerContext&, Args&...), where "
                      "Request is Socket for a stream server and Datagram for a datagram server, and the Args are "
                      "the server's constructor arguments after its options; the handler has no such constructor");
        static_assert(!EventHandler<Handler> || std::same_as<Request, Socket>,
                      "an event-style handler is for connections: a datagram is all there when its handler is made");
        return std::make_unique<MakerFrom<Args...>>(std::forward<Args>(args)...);
    }

    std::unique_ptr<Maker> maker_;
};

}  // namespace socketserver::detail
