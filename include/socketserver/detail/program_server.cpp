#include <socketserver/detail/program_server.hpp>

#include <socketserver/concurrency/blocking.hpp>
#include <socketserver/concurrency/forking.hpp>
#include <socketserver/concurrency/preforking.hpp>
#include <socketserver/concurrency/selecting.hpp>
#include <socketserver/concurrency/thread_pool.hpp>
#include <socketserver/concurrency/threading.hpp>
#include <socketserver/datagram_server.hpp>
#include <socketserver/detail/log_budget.hpp>
#include <socketserver/os/shared_memory.hpp>
#include <socketserver/stream_server.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace socketserver::detail {

namespace {

/// A server of any mode that runs a protocol's handlers and logs who comes.
template <class Base>
class ProgramServer final : public Base {
public:
    using Request = typename Base::RequestType;

    ProgramServer(const Address& address, const ServerOptions& options, HandlerMaker<Request>& maker)
        : Base(address, options), maker_(maker) {}

    ~ProgramServer() override { this->server_close(); }

protected:
    void finish_request(Request& request, const Address& client) override {
        tell_of(client);
        maker_.run(request, client, *this);
    }

    [[nodiscard]] bool event_style() const noexcept override { return maker_.event_style(); }

    std::unique_ptr<EventSession> begin_events(Request& request, const Address& client) override {
        auto session = maker_.begin(request, client, *this);
        tell_of(client);
        return session;
    }

private:
    void tell_of(const Address& client) const {
        if constexpr (std::is_same_v<Request, Socket>) {
            this->log(Severity::info, "... connected from: " + client.to_string());
        } else if (const auto left_out = datagrams_told_of_->take()) {
            const std::string more = *left_out > 0 ? " (" + std::to_string(*left_out) + " more were not logged)" : "";
            this->log(Severity::info, "... received from: " + client.to_string() + more);
        }
    }

    HandlerMaker<Request>& maker_;
    SharedMemory<LogBudget> datagrams_told_of_;
};

template <class Base>
std::unique_ptr<ServerLoop> make(const CommandLine& line, const Address& address, const ServerOptions& options,
                                 HandlerMaker<typename Base::RequestType>& maker) {
    const auto bound = [&]<class Concurrency>(Concurrency) -> std::unique_ptr<ServerLoop> {
        auto server =
            std::make_unique<ProgramServer<typename Concurrency::template MixIn<Base>>>(address, options, maker);
        server->server_bind();
        server->server_activate();
        return server;
    };
    switch (line.mode) {
        case Mode::blocking: break;
        case Mode::forking: return bound(Forking{});
        case Mode::preforking:
            if (line.inner == Mode::blocking)
                return bound(Preforking<Blocking>{});
            if (line.inner == Mode::threading)
                return bound(Preforking<Threading>{});
            return bound(Preforking<Selecting>{});
        case Mode::threading: return bound(Threading{});
        case Mode::selecting: return bound(Selecting{});
        case Mode::thread_pool: return bound(ThreadPool{});
    }
    return bound(Blocking{});
}

}  // namespace

std::unique_ptr<ServerLoop> make_server(const Protocol& protocol, const CommandLine& line, const Address& address,
                                        const ServerOptions& options) {
    return line.udp ? make<DatagramServer>(line, address, options, *protocol.datagrams)
                    : make<StreamServer>(line, address, options, *protocol.connections);
}

}  // namespace socketserver::detail
