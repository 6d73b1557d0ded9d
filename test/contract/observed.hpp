#pragma once

/// \file
/// Handlers and servers that follow a script.

#include "script.hpp"

#include <socketserver/datagram_request_handler.hpp>
#include <socketserver/server_options.hpp>
#include <socketserver/stream_request_handler.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace socketserver::test {

/// A handler that follows a script.
/// \tparam Handler StreamRequestHandler or DatagramRequestHandler
template <class Handler, class Request>
class ScriptHandler : public Handler {
public:
    ScriptHandler(Request& the_request, const Address& client, ServerContext& the_server, Script& script)
        : Handler(the_request, client, the_server),
          script_(script),
          conversation_{this->rfile, this->wfile, this->client_address, this->server} {
        if constexpr (requires { this->wbufsize; }) {
            conversation_.connection = &this->request;
            conversation_.timeout = &this->timeout;
            conversation_.wbufsize = &this->wbufsize;
        } else {
            conversation_.datagram = &this->request;
        }
        script_.record("construct");
        follow(script_.construct);
    }

    void setup() override {
        script_.record("setup");
        follow(script_.setup);
        Handler::setup();
    }

    void handle() override {
        script_.record("handle");
        follow(script_.handle);
    }

    void finish() override {
        script_.record("finish");
        follow(script_.finish);
        Handler::finish();
    }

private:
    void follow(const std::function<void(Conversation&)>& step) {
        if (step)
            step(conversation_);
    }

    Script& script_;
    Conversation conversation_;
};

using StreamScriptHandler = ScriptHandler<StreamRequestHandler, Socket>;
using DatagramScriptHandler = ScriptHandler<DatagramRequestHandler, Datagram>;

/// A server that records its hooks. It binds when it is constructed, by its own hooks, unless its options say no.
template <class Server>
class ObservedServer : public Server {
    using Request = typename Server::RequestType;

public:
    template <class Where>
    ObservedServer(const Where& where, ServerOptions options, Script& script)
        : Server(where, std::move(options), script), script_(script) {}
    ~ObservedServer() override { this->server_close(); }

    void server_bind() override {
        script_.record("server_bind");
        Server::server_bind();
    }
    void server_activate() override {
        script_.record("server_activate");
        Server::server_activate();
    }

protected:
    std::optional<std::pair<Request, Address>> get_request() override {
        auto got = Server::get_request();
        if (got)
            script_.record("get_request");
        return got;
    }
    bool verify_request(Request& request, const Address& client) override {
        script_.record("verify_request");
        return script_.verify_request ? script_.verify_request(client) : Server::verify_request(request, client);
    }
    void process_request(Request request, Address client) override {
        script_.record("process_request");
        Server::process_request(std::move(request), client);
    }
    void finish_request(Request& request, const Address& client) override {
        script_.record("finish_request");
        if (!this->is_worker()) {
            if constexpr (requires { request.fileno(); })
                script_.settle_in_child(request.fileno());
            else
                script_.settle_in_child(this->fileno());
        }
        Server::finish_request(request, client);
    }
    void shutdown_request(Request& request) override {
        script_.record("shutdown_request");
        Server::shutdown_request(request);
    }
    void close_request(Request& request) override {
        script_.record("close_request");
        Server::close_request(request);
    }
    void handle_error(Request& request, const Address& client, std::exception_ptr error) noexcept override {
        script_.record("handle_error");
        Server::handle_error(request, client, error);
    }
    void service_actions() override {
        if (script_.service_actions)
            script_.service_actions();
        Server::service_actions();
    }
    void worker_started() override {
        script_.settle_in_child(this->fileno());
        script_.worker_started();
        if (script_.worker_started_hook)
            script_.worker_started_hook();
        Server::worker_started();
    }
    void handle_timeout() override {
        script_.record("handle_timeout");
        if (script_.handle_timeout)
            script_.handle_timeout();
        Server::handle_timeout();
    }

private:
    Script& script_;
};

}  // namespace socketserver::test
