#pragma once

/// \file
/// The life of every server, whatever its requests are: bind, serve, shut down, close.

#include <socketserver/detail/stop_schedule.hpp>
#include <socketserver/detail/stop_signals.hpp>
#include <socketserver/net/poll_waiter.hpp>
#include <socketserver/net/request_limit.hpp>
#include <socketserver/os/deadline.hpp>
#include <socketserver/os/wakeup.hpp>
#include <socketserver/server_options.hpp>
#include <socketserver/server_resources.hpp>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <typeinfo>

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
/// Owns: what ServerResources does.
///
/// Thread: shutdown(), request_shutdown(), statistics() and log() from any; everything else from one thread at a
/// time. Life: destroyed only when no request runs any more, which the destructors of the servers see to by
/// server_close().
class ServerLoop : public ServerResources {
public:
    /// How often serve_forever() calls service_actions() unless told otherwise.
    static constexpr std::chrono::milliseconds default_service_interval{500};

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

    /// Closes the socket and waits for running requests: they are asked to end, and cut when the time of the
    /// option `drain` is up. Does nothing the second time. A subclass that overrides hooks calls it in its
    /// destructor, so that no hook is called on an object that is gone.
    /// \throw std::logic_error if a handler of this server calls it, or a hook in a context that serves requests as well
    void server_close();

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

    /// Waits for running requests to end; asked to, and then by force.
    /// \param cut when to cut them, unless somebody else does so before
    void finish_running(Deadline cut);

    /// Does the steps that are due.
    /// \param stop whose
    void stop_as_due(detail::StopSchedule& stop) noexcept {
        while (const auto step = stop.due())
            stop_running(*step);
    }

    /// Tells that a request has given back what it held: who pauses for want of it tries again at once. Thread: any.
    void gave_back() noexcept {
        if (backoff().end_pause())
            wake_accepting();
    }

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

private:
    friend class detail::SelectingLoops;
    class Serving;
    [[nodiscard]] bool may_get_another();
    bool stop_serving(Deadline cut);
    [[nodiscard]] bool called_by_own_request() const noexcept;
    [[nodiscard]] bool called_by_serving_thread() const noexcept;

    bool at_limit_ = false;  // the thread that waits for requests has found that there is no capacity
    bool closed_ = false;
    std::optional<detail::StopSignals> stop_signals_;  // if the options say so

    std::mutex mutex_;
    std::condition_variable not_serving_;
    bool serving_ = false;                       // guarded by mutex_
    const std::type_info* served_as_ = nullptr;  // the most derived class when last served; guarded by mutex_
};

}  // namespace socketserver
