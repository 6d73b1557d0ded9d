#pragma once

/// \file
/// What every server has while it serves: a socket, the requests that run, counters, a limit.

#include <socketserver/detail/accept_backoff.hpp>
#include <socketserver/detail/log_budget.hpp>
#include <socketserver/detail/log_limit.hpp>
#include <socketserver/detail/serving_state.hpp>
#include <socketserver/detail/stop_schedule.hpp>
#include <socketserver/net/address.hpp>
#include <socketserver/net/request_limit.hpp>
#include <socketserver/net/request_registry.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/os/shared_memory.hpp>
#include <socketserver/os/wakeup.hpp>
#include <socketserver/server_options.hpp>
#include <socketserver/serving/server_context.hpp>
#include <socketserver/unix_socket_file.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace socketserver {

/// What a server has, whatever it does with it; ServerLoop is what it does. It also says so when something runs out.
///
/// Owns: the socket, the registry of running requests, the counters (shared with forked children).
/// Thread: request_shutdown(), stopping(), statistics() and log() from any; everything else where ServerLoop says.
class ServerResources : public ServerContext {
public:
    /// Which socket requests use.
    enum class RequestSocket {
        own,      ///< one of their own: connections
        servers,  ///< the server's, which must stay open until they have ended: datagrams
    };

    ~ServerResources() override;

    /// The descriptor of the server's socket; -1 once closed.
    [[nodiscard]] int fileno() const noexcept { return socket_.fileno(); }

    /// How it was told to behave.
    [[nodiscard]] const ServerOptions& options() const noexcept { return options_; }

    // ServerContext
    [[nodiscard]] const Address& server_address() const noexcept override { return address_; }
    [[nodiscard]] Statistics statistics() const noexcept override { return shared_->serving.counters.snapshot(); }
    [[nodiscard]] const ConnectionOptions& connection_options() const noexcept override { return options_.connection; }
    [[nodiscard]] bool stopping() const noexcept override;
    void request_shutdown() noexcept override;
    void log(Severity severity, std::string_view message) const noexcept override;

protected:
    /// \param address where to bind
    /// \param options how to behave
    /// \param request_socket which socket requests use
    ServerResources(Address address, ServerOptions options, RequestSocket request_socket);

    // The socket

    /// Makes the socket and binds it to the address (bind(2)), or takes over the one that the options name; the address is then the
    /// one bound. The file that a former server left at a Unix path is removed, if nobody listens on it any more.
    /// \param type SOCK_STREAM or SOCK_DGRAM
    /// \param reuse_address whether to set SO_REUSEADDR if the options do not say
    /// \throw boost::system::system_error if it cannot be bound, naming the address
    void bind_socket(int type, bool reuse_address);

    /// Lets other sockets be bound to the same port (SO_REUSEPORT), whatever the options say. To be called before server_bind().
    void share_port() noexcept { shares_port_ = true; }

    /// The server's socket.
    [[nodiscard]] Socket& socket() noexcept { return socket_; }

    /// Further sockets bound to the server's address, for those who serve beside it. Closed with the server's.
    [[nodiscard]] std::vector<Socket>& further_sockets() noexcept { return further_sockets_; }

    /// Whether requests use the server's socket.
    [[nodiscard]] bool requests_share_socket() const noexcept { return request_socket_ == RequestSocket::servers; }

    /// Makes sure that nobody else has shut the socket down; to be called when it was ready and had nothing.
    /// \throw boost::system::system_error if somebody has
    void require_usable_socket() const;

    /// Makes sure of it without a further system call.
    /// \param events what poll(2) says of the socket, POLLRDHUP asked for
    /// \throw boost::system::system_error if somebody has shut it down
    void require_usable_socket(short events) const;

    /// Closes all sockets, and removes the file of a Unix socket.
    void close_socket() noexcept;

    // How much is served at once

    /// Says that processes share what ServerOptions::max_connections allows. To be called before it serves.
    /// \param processes how many
    void divide_among(std::size_t processes) noexcept { processes_ = processes; }

    /// How many requests this process may serve at once.
    [[nodiscard]] RequestLimit& limit() noexcept { return limit_; }

    /// Tells that a limit was reached, so that no request is accepted until one has ended. Thread: any.
    void accepting_deferred() noexcept;

    /// Tells of a limit on connections for which there are not enough descriptors, once.
    void check_descriptor_limit();

    /// Says until when not to accept, because descriptors or memory have run out.
    [[nodiscard]] detail::AcceptBackoff& backoff() noexcept { return backoff_; }

    /// Says what to do about a failure to get a request: nothing for what concerns one request only, a pause for what
    /// runs out.
    /// \throw boost::system::system_error the failure, if it means that no request will ever come again
    void get_request_failed(const system_error& failure);

    /// Tells that a request was got.
    void got_request() noexcept;

    /// How many failed datagrams may be logged. Thread: any, any process that serves.
    [[nodiscard]] detail::LogBudget& datagram_failures() const noexcept { return shared_->datagram_failures; }

    // What this process uses while it serves

    /// Forgets how requests were ended when the server last served.
    /// \param most_at_once how many requests this process can serve at once; ServerOptions::max_connections may say less
    void begin_serving(std::size_t most_at_once) noexcept;

    /// A shutdown that was asked for has been obeyed.
    void end_serving() noexcept { shared_->shutdown_requested = false; }

    /// Whether serve_forever() is to return.
    [[nodiscard]] bool shutdown_requested() const noexcept { return shared_->shutdown_requested || state_->ending; }

    /// Has the loop of this process return: request_shutdown(), but that a worker process leaves alone.
    void end_loop() noexcept;

    /// Makes this process, which has just been forked and has one thread, one that serves in place of its parent: it
    /// counts, is woken and ended by itself. request_shutdown() still ends the server as a whole.
    /// \param state what it uses in place of what it inherited; must outlive the process' use of the server
    void become_worker(detail::ServingState& state) noexcept { state_ = &state; }

    /// Whether this process has become a worker.
    [[nodiscard]] bool is_worker() const noexcept { return state_ != &own_; }

    /// Becomes readable when the loop is to look whether a shutdown was asked for.
    [[nodiscard]] const Wakeup& wakeup() const noexcept { return state_->wakeup; }
    /// The running requests.
    [[nodiscard]] RequestRegistry& registry() noexcept { return state_->registry; }
    /// The counters, a worker process' own.
    [[nodiscard]] Counters& counters() const noexcept { return state_->shared.counters; }
    /// Notified for good when running requests are cut.
    [[nodiscard]] const Wakeup& cut_signal() const noexcept { return state_->cut; }
    /// Whether running requests are being ended by force.
    [[nodiscard]] bool cutting() const noexcept { return state_->cutting(); }

    /// How long the steps of a stop take that is going on, or of the next one.
    [[nodiscard]] detail::StopTimes& stop_times() const noexcept { return shared_->stop_times; }

    /// For a concurrency whose children are told to end by a signal: whether that is not for those on whose connection nothing
    /// has come yet. Shared with children that are forked later.
    [[nodiscard]] std::atomic<bool>& new_requests_are_spared() const noexcept {
        return shared_->new_requests_are_spared;
    }

private:
    /// What forked children see too.
    struct Shared {
        detail::SharedServingState serving;
        std::atomic<bool> shutdown_requested{false};
        std::atomic<bool> new_requests_are_spared{false};
        detail::StopTimes stop_times;
        detail::LogBudget datagram_failures;
    };

    void tell_who_shares_port(int type) const;

    const ServerOptions options_;
    Address address_;
    const RequestSocket request_socket_;
    bool shares_port_ = options_.allow_reuse_port;
    Socket socket_;
    std::vector<Socket> further_sockets_;
    std::optional<UnixSocketFile> file_;  // that the socket is bound to, if it is
    std::size_t processes_ = 1;
    RequestLimit limit_{1};  // of a process; set when it begins to serve
    SharedMemory<Shared> shared_;
    detail::ServingState own_{shared_->serving};
    detail::ServingState* state_ = &own_;  // another one in a worker process
    detail::AcceptBackoff backoff_;
    detail::LogLimit deferrals_;
    bool told_of_descriptor_limit_ = false;
};

}  // namespace socketserver
