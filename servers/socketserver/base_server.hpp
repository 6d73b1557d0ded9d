#pragma once

/// \file
/// The hooks that every server offers, and the order in which they are called.

#include <socketserver/detail/address_quota.hpp>
#include <socketserver/detail/handler_maker.hpp>
#include <socketserver/detail/log_limit.hpp>
#include <socketserver/detail/own_sender.hpp>
#include <socketserver/server_loop.hpp>

#include <concepts>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace socketserver {

/// The base of all servers. Request is what comes in: Socket for streams, Datagram for datagrams.
///
/// Methods for the caller:
/// - the constructor, given an address and options
/// - serve_forever(), handle_request(), shutdown(), request_shutdown(), server_close()
/// - fileno(), server_address(), statistics(), options()
///
/// Hooks that may be overridden, in the order in which they are called:
/// - server_bind(), server_activate(): by the constructor (see ServerOptions::bind_and_activate)
/// - get_request(), verify_request(), process_request(): for each request, in the serving thread
/// - finish_request(), then if something was thrown handle_error(), then shutdown_request(), close_request(): in whatever
///   thread or child the concurrency gives the request. In the parent of a forked child close_request() alone.
/// - service_actions(), handle_timeout()
///
/// Concurrency mixins replace process_request(), and what ServerLoop says they may.
///
/// Thread: see ServerLoop.
template <class Request>
class BaseServer : public ServerLoop {
public:
    /// What comes in.
    using RequestType = Request;

    /// \param address where to bind
    /// \param options how to behave
    BaseServer(Address address, ServerOptions options)
        : ServerLoop(std::move(address), std::move(options),
                     std::same_as<Request, Socket> ? RequestSocket::own : RequestSocket::servers) {}

protected:
    /// Gets the request that is waiting.
    /// \return the request and who sent it; nothing if there is none after all
    /// \throw boost::system::system_error if it cannot be got
    virtual std::optional<std::pair<Request, Address>> get_request() = 0;

    /// Decides whether to serve a request. Not asked about one that ServerOptions::max_per_address refuses, nor about a datagram
    /// whose sender is the server itself.
    /// \param request the request
    /// \param client who sent it
    /// \return whether to serve it; if not, it is closed and counted as rejected
    /// What it throws goes to handle_error(), and the request is closed.
    virtual bool verify_request(Request& request, const Address& client);

    /// Has the request served: here and now, or in a thread or child. Closes it in any case.
    /// \param request the request
    /// \param client who sent it
    virtual void process_request(Request request, Address client);

    /// Makes the handler and runs it. Not called where handlers are event-style and the concurrency gives them no line of execution
    /// of their own: their parts are called then.
    /// \param request the request
    /// \param client who sent it
    /// What it throws goes to handle_error().
    virtual void finish_request(Request& request, const Address& client);

    /// Ends a request in an orderly way: tells a stream's peer that there is no more, then close_request().
    /// \param request the request
    virtual void shutdown_request(Request& request);

    /// Gives back what the request holds.
    /// \param request the request
    virtual void close_request(Request& request) = 0;

    /// Tells of an exception that ended a request; logs one line, of datagrams no more than 10 a second: a warning if it is what the
    /// peer or the network did (is_network_error()), otherwise an error.
    /// \param request the request
    /// \param client who sent it
    /// \param error what was thrown
    virtual void handle_error(Request& request, const Address& client, std::exception_ptr error) noexcept;

    // For subclasses

    /// Says what makes the handlers.
    /// \param maker must outlive all requests
    void make_handlers_with(detail::HandlerMaker<Request>& maker) noexcept { maker_ = &maker; }

    // For concurrency mixins

    bool handle_request_noblock(RequestTicket ticket) override;

    /// Serves a request from beginning to end in the calling context: finish_request(), handle_error() if it throws,
    /// shutdown_request(). Throws only what is meant to end more than the request (SystemExit, thread interruption and
    /// cancellation).
    /// \param request the request
    /// \param client who sent it
    void serve_request(Request& request, const Address& client);

    /// Serves a request as serve_request() does, in a thread that waits for it.
    /// \param request the request
    /// \param client who sent it
    void serve_request_in_thread(Request& request, const Address& client);

    /// Reports an exception through handle_error() and counts it. To be called while the exception is being handled.
    /// \param request the request
    /// \param client who sent it
    void request_failed(Request& request, const Address& client) noexcept;

    /// Calls shutdown_request(); what that throws is logged.
    /// \param request the request
    void end_request(Request& request) noexcept;

    /// Counts a request as active for as long as it lives. Thread: any.
    class Active {
    public:
        /// \param counters where to count; must outlive this object
        explicit Active(Counters& counters) noexcept : counters_(&counters) { ++counters.active; }
        Active(Active&& other) noexcept : counters_(std::exchange(other.counters_, nullptr)) {}
        ~Active() {
            if (counters_ != nullptr)
                --counters_->active;
        }
        Active(const Active&) = delete;
        Active& operator=(const Active&) = delete;

    private:
        Counters* counters_;  // null once moved from
    };

    // For concurrencies that give event-style handlers no line of execution of their own

    /// What makes the handlers; null if nothing does.
    [[nodiscard]] detail::HandlerMaker<Request>* maker() const noexcept { return maker_; }

    /// Enters a connection into the registry of those that a stop ends.
    /// \param request the request
    void enter_registry(Request& request);

    /// Does a part of a request. Unless more is to follow, or if it throws, the request is ended as by serve_request().
    /// \param request the request
    /// \param client who sent it
    /// \param part returns whether more is to follow
    /// \return whether more is to follow
    bool serve_part(Request& request, const Address& client, const std::function<bool()>& part);

private:
    class EndOfRequest;
    class EndsWithPeer;
    template <class Action>
    bool attempt(Request& request, const Address& client, const Action& action);
    [[nodiscard]] std::optional<std::pair<Request, Address>> try_to_get_request();
    bool has_place(Request& request, const Address& client);
    void refused(const Address& client, const std::string& why);

    detail::HandlerMaker<Request>* maker_ = nullptr;
    detail::AddressQuota address_quota_{options().max_per_address, options().per_address_prefix};
    detail::OwnSender own_sender_;
    detail::LogLimit refusals_;  // of address_quota_ and own_sender_
};

extern template class BaseServer<Socket>;

}  // namespace socketserver
