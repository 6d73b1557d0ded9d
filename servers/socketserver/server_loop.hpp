#pragma once

/// \file
/// The life of every server, whatever its requests are: bind, serve, shut down, close.

#include <socketserver/detail/accept_backoff.hpp>
#include <socketserver/detail/log_budget.hpp>
#include <socketserver/detail/log_limit.hpp>
#include <socketserver/detail/serving_state.hpp>
#include <socketserver/detail/stop_schedule.hpp>
#include <socketserver/detail/stop_signals.hpp>
#include <socketserver/net/address.hpp>
#include <socketserver/net/poll_waiter.hpp>
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
#include <condition_variable>
#include <mutex>
#include <optional>
#include <typeinfo>
#include <vector>

namespace socketserver {

namespace detail {
class SelectingLoops;
}  // namespace detail

/// The part of a server that does not depend on what its requests are. BaseServer adds the hooks of a request.
///
///     constructed ──server_bind, server_activate──▶ ready ──serve_forever──▶ serving
///                                                     ▲                         │
///                                                     └────── shutdown() ───────┘
///     any of them ──server_close──▶ closed
///
/// Owns: the socket, the registry of running requests, the counters (shared with forked children).
///
/// Thread: shutdown(), request_shutdown(), statistics() and log() from any; everything else from one thread at a
/// time. Life: destroyed only when no request runs any more, which the destructors of the servers see to by
/// server_close().
class ServerLoop : public ServerContext {
public:
    /// How often serve_forever() calls service_actions() unless told otherwise.
    static constexpr std::chrono::milliseconds default_service_interval{500};

    /// Which socket requests use.
    enum class RequestSocket {
        own,      ///< one of their own: connections
        servers,  ///< the server's, which must stay open until they have ended: datagrams
    };

    /// \param address where to bind
    /// \param options how to behave
    /// \param request_socket which socket requests use
    ServerLoop(Address address, ServerOptions options, RequestSocket request_socket);
    ~ServerLoop() override;

    // For the caller

    /// Serves requests until shutdown() or request_shutdown(). Can be called again afterwards. If a shutdown was asked for
    /// since it last returned, it returns at once: a shutdown is never lost.
    /// \param service_interval how long at most between two calls of service_actions()
    /// \throw boost::system::system_error if the socket fails for good, for instance because somebody shut it down
    /// \throw std::logic_error if it is being served already, or closed
    /// \throw SystemExit what a handler threw, in the modes that run handlers in this thread
    void serve_forever(std::chrono::milliseconds service_interval = default_service_interval);

    /// Serves one request, or calls handle_timeout() if none comes within the option `timeout`.
    /// \throw what serve_forever() throws
    void handle_request();

    /// Ends serve_forever() and waits until it has returned; running requests are asked to end. No request is accepted once
    /// this has returned. Where serve_forever() itself runs a handler, that has the option `drain` to end
    /// before it is cut. Where requests run on, those on whose connection nothing has come yet do so until server_close(), for
    /// ServerOptions::first_input_grace there. Returns at once if the server is not serving. Called by a handler of this server, or by
    /// serve_forever() through a hook, it is request_shutdown().
    void shutdown();

    /// Ends serve_forever() as shutdown() does, and then waits for running requests too, whatever the concurrency: they are asked to
    /// end, and cut at the deadline. A handler that computes cannot be cut, and is waited for.
    /// \param drain how long they have, in place of the option
    /// \return what became of them; nothing has been counted where shutdown() would not wait
    DrainReport shutdown(std::chrono::nanoseconds drain);

    void request_shutdown() noexcept override;

    /// Closes the socket and waits for running requests: they are asked to end, and cut when the time of the
    /// option `drain` is up. Does nothing the second time. A subclass that overrides hooks calls it in its
    /// destructor, so that no hook is called on an object that is gone.
    /// \throw std::logic_error if a handler of this server calls it, or a hook in a context that serves requests as well
    void server_close();

    /// The descriptor of the server's socket; -1 once closed.
    [[nodiscard]] int fileno() const noexcept { return socket_.fileno(); }

    /// How it was told to behave.
    [[nodiscard]] const ServerOptions& options() const noexcept { return options_; }

    // ServerContext
    [[nodiscard]] const Address& server_address() const noexcept override { return address_; }
    [[nodiscard]] Statistics statistics() const noexcept override { return shared_->serving.counters.snapshot(); }
    [[nodiscard]] const ConnectionOptions& connection_options() const noexcept override { return options_.connection; }
    [[nodiscard]] bool stopping() const noexcept override;
    void log(Severity severity, std::string_view message) const noexcept override;

    // Hooks that may be overridden

    /// Makes the socket and binds it to the address.
    virtual void server_bind() = 0;

    /// Makes the bound socket ready for requests.
    virtual void server_activate() {}

protected:
    /// Called in every turn of serve_forever(): after each request, and once per service interval.
    virtual void service_actions() {}

    /// Called by handle_request() when no request came in time.
    virtual void handle_timeout() {}

    /// Called in each worker process of a Preforking server before it serves, to make what processes cannot share: connections to
    /// other servers, files, seeds. What it throws ends the worker.
    virtual void worker_started() {}

    // What a concurrency mixin may replace

    /// Waits for requests and serves them until a shutdown is asked for.
    /// \param service_interval how long at most between two calls of service_actions()
    virtual void serve_loop(std::chrono::milliseconds service_interval);

    /// Serves one request, or calls handle_timeout().
    /// \param deadline until when to wait for one
    virtual void serve_one(Deadline deadline);

    /// Gets one request, if there is one, and processes it.
    /// \param ticket leave to do so; if it is empty, there is no request
    /// \return whether there was one
    virtual bool handle_request_noblock(RequestTicket ticket) = 0;

    /// Lets go of requests that have ended by themselves: threads to join, children to reap. Called before every wait.
    virtual void release_finished() {}

    /// What tells that requests have ended.
    struct Ends {
        int fd = -1;                           ///< is readable then; -1: nothing is
        Deadline look_by = Deadline::never();  ///< when to look, whatever the descriptor says
    };
    /// What the loop is to wait for as well, so that it calls release_finished() then.
    [[nodiscard]] virtual Ends ends_to_wait_for() const noexcept { return {}; }

    /// How many requests the concurrency serves at once in a process, whatever ServerOptions::max_connections says.
    [[nodiscard]] virtual std::size_t most_at_once() const noexcept { return 1; }

    /// Wakes who waits for requests, so that it looks whether it may accept again. From any thread.
    virtual void wake_accepting() noexcept { wakeup().notify(); }

    /// Does a step of a stop to running requests. From any thread.
    /// \param step which; the last is for those that run in processes of their own
    virtual void stop_running(detail::StopStep step) noexcept;

    /// Waits for running requests to end.
    /// \param deadline when to give up
    /// \return whether none runs any more
    virtual bool join_running(Deadline deadline);

    // For subclasses

    /// Says that processes share what ServerOptions::max_connections allows. To be called before it serves.
    /// \param processes how many
    void divide_among(std::size_t processes) noexcept { processes_ = processes; }

    /// How many requests this process may serve at once.
    [[nodiscard]] RequestLimit& limit() noexcept { return limit_; }

    /// Lets other sockets be bound to the same port (SO_REUSEPORT), whatever the options say. To be called before server_bind().
    void share_port() noexcept { shares_port_ = true; }

    /// Further sockets bound to the server's address, for those who serve beside it. Closed with the server's.
    [[nodiscard]] std::vector<Socket>& further_sockets() noexcept { return further_sockets_; }

    /// Whether requests use the server's socket.
    [[nodiscard]] bool requests_share_socket() const noexcept { return request_socket_ == RequestSocket::servers; }

    /// Makes the socket and binds it to the address (bind(2)), or takes over the one that the options name; the address is then the
    /// one bound. The file that a former server left at a Unix path is removed, if nobody listens on it any more.
    /// \param type SOCK_STREAM or SOCK_DGRAM
    /// \param reuse_address whether to set SO_REUSEADDR if the options do not say
    /// \throw boost::system::system_error if it cannot be bound, naming the address
    void bind_socket(int type, bool reuse_address);

    /// How waiting for a request ended.
    enum class Waited {
        request,    ///< there is one
        timed_out,  ///< the deadline came first
        woken,      ///< something else is to be looked at: a shutdown, a child that ended
    };

    /// Waits for a request while there is capacity for one.
    /// \param deadline when to give up
    Waited wait_for_request(Deadline deadline) { return wait_for_request(deadline, wakeup()); }

    /// As above, in a thread that is not to be woken by what wakes serve_forever().
    /// \param deadline when to give up
    /// \param woken_by what is to wake it instead; cleared
    Waited wait_for_request(Deadline deadline, const Wakeup& woken_by);

    /// How long the steps of a stop take that is going on, or of the next one.
    [[nodiscard]] const detail::StopTimes& stop_times() const noexcept { return shared_->stop_times; }

    /// Does the steps that are due.
    /// \param stop whose
    void stop_as_due(detail::StopSchedule& stop) noexcept {
        while (const auto step = stop.due())
            stop_running(*step);
    }

    /// For a concurrency whose children are told to end by a signal: whether that is not for those on whose connection nothing
    /// has come yet. Shared with children that are forked later.
    [[nodiscard]] std::atomic<bool>& new_requests_are_spared() const noexcept {
        return shared_->new_requests_are_spared;
    }

    /// Whether running requests are being ended by force.
    [[nodiscard]] bool cutting() const noexcept { return state_->cutting(); }

    /// Until when not to accept, because descriptors or memory have run out.
    [[nodiscard]] Deadline accept_pause() const noexcept { return backoff_.until(); }

    /// Becomes readable when the loop is to look whether a shutdown was asked for.
    [[nodiscard]] const Wakeup& wakeup() const noexcept { return state_->wakeup; }

    /// Makes sure that nobody else has shut the socket down; to be called when it was ready and had nothing.
    /// \throw boost::system::system_error if somebody has
    void require_usable_socket() const;

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

    /// Says what to do about a failure to get a request: nothing for what concerns one request only, a pause for what
    /// runs out.
    /// \throw boost::system::system_error the failure, if it means that no request will ever come again
    void get_request_failed(const system_error& failure);

    /// Tells that a request was got.
    void got_request() noexcept;

    /// Tells that a request has given back what it held: who pauses for want of it tries again at once. Thread: any.
    void gave_back() noexcept {
        if (backoff_.end_pause())
            wake_accepting();
    }

    /// Tells that a limit was reached, so that no request is accepted until one has ended. Thread: any.
    void accepting_deferred() noexcept;

    /// How many failed datagrams may be logged. Thread: any, any process that serves.
    [[nodiscard]] detail::LogBudget& datagram_failures() const noexcept { return shared_->datagram_failures; }

    /// Ends the program with a message if a subclass whose hooks are gone by now has left requests running; else
    /// closes the server. For destructors.
    /// \param destroyed the class whose destructor calls
    void close_in_destructor(const std::type_info& destroyed) noexcept;

    /// Makes the calling thread one of those that serve, for as long as it lives: what a hook there calls, and must not wait for
    /// the server's end, does not. serve_forever() does so for the thread that calls it, concurrencies for each
    /// other thread in which they call hooks of the server.
    class ServingThread {
    public:
        /// \param server what the thread serves
        explicit ServingThread(const ServerLoop& server) noexcept;
        ~ServingThread();
        ServingThread(const ServingThread&) = delete;
        ServingThread& operator=(const ServingThread&) = delete;

    private:
        friend class ServerLoop;
        static thread_local const ServingThread* innermost_;
        const ServerLoop& server_;
        const ServingThread* const outer_;  // of the same thread: a hook may serve another server
    };

    /// For a thread that serves a request itself, while nobody else can see to a shutdown: once one is requested, asks the request to end
    /// and cuts it when its time is up. Life: that of the request.
    class EndsOwnRequest final : public Duty {
    public:
        /// \param server whose request it is
        explicit EndsOwnRequest(ServerLoop& server) noexcept : server_(server) {}
        [[nodiscard]] int fd() const noexcept override { return stop_ ? -1 : server_.wakeup().fd(); }
        Deadline see_to_it(bool woken) noexcept override;

    private:
        ServerLoop& server_;
        std::optional<detail::StopSchedule> stop_;  // once one is requested
    };

    /// The server's socket.
    [[nodiscard]] Socket& socket() noexcept { return socket_; }
    /// The running requests.
    [[nodiscard]] RequestRegistry& registry() noexcept { return state_->registry; }
    /// Notified for good when running requests are cut.
    [[nodiscard]] const Wakeup& cut_signal() const noexcept { return state_->cut; }
    /// The counters, a worker process' own.
    [[nodiscard]] Counters& counters() const noexcept { return state_->shared.counters; }

private:
    friend class detail::SelectingLoops;
    class Serving;
    void tell_who_shares_port(int type) const;
    void close_socket() noexcept;
    [[nodiscard]] bool may_get_another();
    bool end_serving(Deadline cut);
    void finish_running(Deadline cut);
    void require_usable_socket(short events) const;
    void check_descriptor_limit();
    [[nodiscard]] std::size_t share_of_connections() const noexcept;
    [[nodiscard]] bool called_by_own_request() const noexcept;
    [[nodiscard]] bool called_by_serving_thread() const noexcept;

    struct Shared {
        detail::SharedServingState serving;
        std::atomic<bool> shutdown_requested{false};
        std::atomic<bool> new_requests_are_spared{false};
        detail::StopTimes stop_times;
        detail::LogBudget datagram_failures;
    };

    const ServerOptions options_;
    Address address_;
    const RequestSocket request_socket_;
    std::size_t processes_ = 1;
    RequestLimit limit_{1};  // of a process; set when it begins to serve
    bool shares_port_ = options_.allow_reuse_port;
    Socket socket_;
    std::vector<Socket> further_sockets_;
    std::optional<UnixSocketFile> file_;  // that the socket is bound to, if it is
    SharedMemory<Shared> shared_;
    detail::ServingState own_{shared_->serving};
    detail::ServingState* state_ = &own_;  // another one in a worker process
    detail::AcceptBackoff backoff_;
    bool at_limit_ = false;  // the thread that waits for requests has found that there is no capacity
    bool closed_ = false;
    bool told_of_descriptor_limit_ = false;
    detail::LogLimit deferrals_;
    std::optional<detail::StopSignals> stop_signals_;  // if the options say so

    std::mutex mutex_;
    std::condition_variable not_serving_;
    bool serving_ = false;                       // guarded by mutex_
    const std::type_info* served_as_ = nullptr;  // the most derived class when last served; guarded by mutex_
};

}  // namespace socketserver
