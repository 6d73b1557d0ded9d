#include <socketserver/detail/program_server.hpp>

#include <socketserver/concurrencies.hpp>
#include <socketserver/datagram_server.hpp>
#include <socketserver/detail/log_budget.hpp>
#include <socketserver/os/shared_memory.hpp>
#include <socketserver/stream_server.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace socketserver::detail {

namespace {

/// Makes handlers as another maker does, and logs whom they are for.
template <class Request>
class TellingMaker final : public HandlerMaker<Request> {
public:
    explicit TellingMaker(HandlerMaker<Request>& maker) : maker_(maker) {}

    void run(Request& request, const Address& client, ServerContext& server) override {
        tell_of(client, server);
        maker_.run(request, client, server);
    }

    [[nodiscard]] bool event_style() const noexcept override { return maker_.event_style(); }

    std::unique_ptr<EventSession> begin(Request& request, const Address& client, ServerContext& server) override {
        tell_of(client, server);
        return maker_.begin(request, client, server);
    }

private:
    void tell_of(const Address& client, const ServerContext& server) const {
        if constexpr (std::is_same_v<Request, Socket>) {
            server.log(Severity::info, "... connected from: " + client.to_string());
        } else if (const auto left_out = datagrams_told_of_->take()) {
            const std::string more = *left_out > 0 ? " (" + std::to_string(*left_out) + " more were not logged)" : "";
            server.log(Severity::info, "... received from: " + client.to_string() + more);
        }
    }

    HandlerMaker<Request>& maker_;
    SharedMemory<LogBudget> datagrams_told_of_;
};

/// A server of any mode that runs a protocol's handlers and logs who comes.
template <class Base>
class ProgramServer final : public Base {
public:
    ProgramServer(const Address& address, const ServerOptions& options, HandlerMaker<typename Base::RequestType>& maker)
        : Base(address, options), maker_(maker) {
        this->make_handlers_with(maker_);
        this->server_bind();
        this->server_activate();
    }
    ~ProgramServer() override { this->server_close(); }

private:
    TellingMaker<typename Base::RequestType> maker_;
};

template <class Base>
std::unique_ptr<ServerLoop> make(const CommandLine& line, const Address& address, const ServerOptions& options,
                                 HandlerMaker<typename Base::RequestType>& maker) {
    std::string name(to_string(line.mode));
    if (line.mode == Mode::preforking)
        name.append("-").append(to_string(line.inner));
    std::unique_ptr<ServerLoop> server;
    with_concurrency(name, [&]<class Concurrency>(Concurrency) {
        server = std::make_unique<ProgramServer<typename Concurrency::template MixIn<Base>>>(address, options, maker);
    });
    return server;
}

}  // namespace

std::unique_ptr<ServerLoop> make_server(const ServedProtocol& protocol, const CommandLine& line, const Address& address,
                                        const ServerOptions& options) {
    return line.udp ? make<DatagramServer>(line, address, options, *protocol.datagrams)
                    : make<StreamServer>(line, address, options, *protocol.connections);
}

}  // namespace socketserver::detail
