#include <socketserver/detail/program_server.hpp>

#include <socketserver/concurrency/blocking.hpp>
#include <socketserver/concurrency/forking.hpp>
#include <socketserver/concurrency/preforking.hpp>
#include <socketserver/concurrency/selecting.hpp>
#include <socketserver/concurrency/thread_pool.hpp>
#include <socketserver/concurrency/threading.hpp>
#include <socketserver/datagram_server.hpp>
#include <socketserver/detail/log_budget.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/os/shared_memory.hpp>
#include <socketserver/os/unique_fd.hpp>
#include <socketserver/stream_server.hpp>

#include <sys/epoll.h>

#include <cerrno>
#include <string>
#include <type_traits>
#include <utility>

namespace socketserver::detail {

namespace {

/// A server of any mode that runs a protocol's handlers and logs who comes.
template <class Base>
class RunningServer : public Base, public ProgramServer {
public:
    using Request = typename Base::RequestType;

    RunningServer(const Address& address, const ServerOptions& options, HandlerMaker<Request>& maker)
        : Base(address, options), maker_(maker) {}

    ~RunningServer() override { this->server_close(); }

    [[nodiscard]] ServerLoop& loop() noexcept override { return *this; }

    void stop() noexcept override {
        this->request_shutdown();
        this->stop_running(this->stop_times().first_step());
    }

    [[nodiscard]] std::chrono::nanoseconds grace() const noexcept override { return this->stop_times().grace(); }

    void end_grace() noexcept override { this->stop_running(StopStep::ask_all); }

    void cut() noexcept override { this->stop_running(StopStep::cut); }

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

/// A server that forks must have no other thread when it does, so its own loop waits for signals, too: they wake it, and it
/// looks for them whenever it looks for children that have ended. What is forked to serve in its place takes signals otherwise.
template <class Base>
class SignalledServer final : public RunningServer<Base> {
public:
    SignalledServer(const Address& address, const ServerOptions& options,
                    HandlerMaker<typename Base::RequestType>& maker, const SignalFd& signals)
        : RunningServer<Base>(address, options, maker),
          signals_(signals),
          either_(own_descriptor(::epoll_create1(EPOLL_CLOEXEC))) {
        for (const int fd : {signals.fd(), Base::wake_descriptor()}) {
            epoll_event event{};
            event.events = EPOLLIN;
            if (!either_ || ::epoll_ctl(either_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
                throw_errno(errno, "epoll");
        }
    }

    ~SignalledServer() override { this->server_close(); }

    [[nodiscard]] bool takes_signals() const noexcept override { return true; }
    [[nodiscard]] std::uint64_t cut_short() const noexcept override { return cut_short_; }

protected:
    [[nodiscard]] int wake_descriptor() const noexcept override {
        return this->is_worker() ? Base::wake_descriptor() : either_.get();
    }

    // While the server closes, this is called several times a second.
    void release_finished() override {
        Base::release_finished();
        while (!this->is_worker() && signals_.take()) {
            if (!this->stopping()) {
                this->stop();
            } else if (const std::uint64_t running = this->statistics().active; running > 0) {
                cut_short_ += running;
                this->cut();
            }
        }
    }

private:
    const SignalFd& signals_;
    UniqueFd either_;
    std::uint64_t cut_short_ = 0;
};

template <class Base>
std::unique_ptr<ProgramServer> make(const CommandLine& line, const Address& address, const ServerOptions& options,
                                    HandlerMaker<typename Base::RequestType>& maker, const SignalFd& signals) {
    const auto bound = [](auto server) -> std::unique_ptr<ProgramServer> {
        server->server_bind();
        server->server_activate();
        return server;
    };
    const auto signalled = [&]<class Concurrency>(Concurrency) {
        using Server = SignalledServer<typename Concurrency::template MixIn<Base>>;
        return bound(std::make_unique<Server>(address, options, maker, signals));
    };
    switch (line.mode) {
        case Mode::blocking: break;
        case Mode::forking: return signalled(Forking{});
        case Mode::preforking:
            if (line.inner == Mode::blocking)
                return signalled(Preforking<Blocking>{});
            if (line.inner == Mode::threading)
                return signalled(Preforking<Threading>{});
            return signalled(Preforking<Selecting>{});
        case Mode::threading:
            return bound(std::make_unique<RunningServer<Threading::MixIn<Base>>>(address, options, maker));
        case Mode::selecting:
            return bound(std::make_unique<RunningServer<Selecting::MixIn<Base>>>(address, options, maker));
        case Mode::thread_pool:
            return bound(std::make_unique<RunningServer<ThreadPool::MixIn<Base>>>(address, options, maker));
    }
    return bound(std::make_unique<RunningServer<Blocking::MixIn<Base>>>(address, options, maker));
}

}  // namespace

std::unique_ptr<ProgramServer> make_server(const Protocol& protocol, const CommandLine& line, const Address& address,
                                           const ServerOptions& options, const SignalFd& signals) {
    return line.udp ? make<DatagramServer>(line, address, options, *protocol.datagrams, signals)
                    : make<StreamServer>(line, address, options, *protocol.connections, signals);
}

}  // namespace socketserver::detail
