#include <socketserver/base_server.hpp>

#include <socketserver/datagram_server.hpp>
#include <socketserver/net/datagram.hpp>
#include <socketserver/net/detail/served_request.hpp>
#include <socketserver/net/poll_waiter.hpp>
#include <socketserver/serving/request_handler.hpp>

#include <boost/thread/exceptions.hpp>

#include <cerrno>
#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace socketserver {

template <class Request>
bool BaseServer<Request>::verify_request(Request&, const Address&) {
    return true;
}

/// With all that it calls here as part of it: see attempt().
template <class Request>
__attribute__((flatten)) void BaseServer<Request>::process_request(Request request, Address client) {
    const Active active(counters());
    if (is_worker())  // whose signals see to a shutdown
        return serve_request_in_thread(request, client);
    EndsOwnRequest duty(*this);
    PollWaiter waiter(cut_signal(), this, duty);
    const ScopedWaiter installed(waiter);
    serve_request(request, client);
}

template <class Request>
void BaseServer<Request>::finish_request(Request& request, const Address& client) {
    if (maker_ == nullptr)
        throw std::logic_error("nothing makes the handlers of this server: it is to override finish_request()");
    maker_->run(request, client, *this);
}

template <class Request>
void BaseServer<Request>::shutdown_request(Request& request) {
    close_request(request);
}

template <class Request>
void BaseServer<Request>::handle_error(Request&, const Address& client, std::exception_ptr error) noexcept {
    // A server goes on whatever happens here, even if there is no memory for the message.
    try {
        std::string subject = "request from " + client.to_string() + ": ";
        if constexpr (!std::same_as<Request, Socket>) {
            // Strangers send as many as they like.
            const auto left_out = datagram_failures().take();
            if (!left_out)
                return;
            if (*left_out > 0)
                subject += "(" + std::to_string(*left_out) + " more were not logged) ";
        }
        try {
            std::rethrow_exception(std::move(error));
        } catch (const system_error& failure) {
            // What a peer or the network did is nothing that an operator could mend.
            log(is_network_error(failure.code()) ? Severity::warning : Severity::error, subject + failure.what());
        } catch (const std::exception& failure) {
            log(Severity::error, subject + failure.what());
        } catch (...) {
            log(Severity::error, subject + "an exception that is no std::exception");
        }
    } catch (...) {
        log(Severity::error, "a request failed, and so did telling of it");
    }
}

/// Runs a part of a request; what it throws fails the request, unless it is meant to end more than that.
/// \return whether nothing was thrown
/// Part of its callers, as others here are of theirs: each function more to return from after a system call is one more return
/// that the processor cannot foresee, and a forked child touches fewer pages of code.
template <class Request>
template <class Action>
__attribute__((always_inline)) inline bool BaseServer<Request>::attempt(Request& request, const Address& client,
                                                                        const Action& action) {
    try {
        action();
        return true;
    } catch (const SystemExit&) {
        throw;
    } catch (const boost::thread_interrupted&) {
        throw;
    } catch (const abi::__forced_unwind&) {
        throw;
    } catch (...) {
        request_failed(request, client);
        return false;
    }
}

/// Gets a request, if there is one and it can be got.
template <class Request>
__attribute__((always_inline)) inline std::optional<std::pair<Request, Address>>
BaseServer<Request>::try_to_get_request() {
    try {
        return get_request();
    } catch (const system_error& failure) {
        get_request_failed(failure);
        return std::nullopt;
    }
}

template <class Request>
bool BaseServer<Request>::handle_request_noblock(RequestTicket ticket) {
    if (!ticket)
        return false;
    // Not assigned: a request is large to move.
    std::optional<std::pair<Request, Address>> got = try_to_get_request();
    if (!got)
        return false;
    got_request();
    Request& request = got->first;
    detail::ServedRequest::admit(request, std::move(ticket));
    const Address& client = got->second;
    std::optional<bool> accepted;  // not said if verify_request() threw
    try {
        attempt(request, client, [&] { accepted = has_place(request, client) && verify_request(request, client); });
    } catch (...) {
        end_request(request);
        throw;
    }
    if (accepted == true) {
        process_request(std::move(request), client);
    } else {
        if (accepted == false)
            ++counters().rejected;
        end_request(request);
    }
    return true;
}

/// Gives a connection one of its address's places, for as long as it runs. Datagrams have places but for those that the server
/// seems to have sent itself.
/// \return false if there is none
template <class Request>
bool BaseServer<Request>::has_place(Request& request, const Address& client) {
    if constexpr (std::same_as<Request, Socket>) {
        if (!address_quota_.counts(client))
            return true;
        detail::ServedRequest::keep(request, address_quota_.take(client));
        if (detail::ServedRequest::kept(request) == nullptr) {
            refused(client, "closed, for its address has the most connections allowed, " +
                                std::to_string(options().max_per_address));
            return false;
        }
    } else if (own_sender_.is(client, server_address(), request.local())) {
        refused(client, "dropped, for that is this server's own address: an answer would come back for ever");
        return false;
    }
    return true;
}

/// Logs that a request is refused, once in a second.
template <class Request>
void BaseServer<Request>::refused(const Address& client, const std::string& why) {
    if (const std::uint64_t times = refusals_.happened(); times > 0)
        log(Severity::warning, "request from " + client.to_string() + ": " + why + " (" + std::to_string(times) +
                                   (times == 1 ? " time)" : " times)"));
}

/// Ends a request when the scope ends, whatever passes through, unless it is to go on.
template <class Request>
class BaseServer<Request>::EndOfRequest {
public:
    EndOfRequest(BaseServer& server, Request& request) noexcept : server_(server), request_(&request) {}
    ~EndOfRequest() {
        if (request_ == nullptr)
            return;
        if (server_.cutting())
            ++server_.counters().cut;
        server_.end_request(*request_);
    }
    EndOfRequest(const EndOfRequest&) = delete;
    EndOfRequest& operator=(const EndOfRequest&) = delete;

    void go_on() noexcept { request_ = nullptr; }

private:
    BaseServer& server_;
    Request* request_;
};

/// For as long as it lives, the waits of the calling context end with the peer of a connection, if the options say so.
template <class Request>
class BaseServer<Request>::EndsWithPeer {
public:
    EndsWithPeer(const BaseServer& server, Request& request) noexcept {
        if constexpr (std::same_as<Request, Socket>) {
            if (server.options().cut_abandoned) {
                waiter_ = &Waiter::current();
                waiter_->end_with_peer_of(&request.waitable());
            }
        }
    }
    ~EndsWithPeer() {
        if (waiter_ != nullptr)
            waiter_->end_with_peer_of(nullptr);
    }
    EndsWithPeer(const EndsWithPeer&) = delete;
    EndsWithPeer& operator=(const EndsWithPeer&) = delete;

private:
    Waiter* waiter_ = nullptr;
};

template <class Request>
void BaseServer<Request>::serve_request(Request& request, const Address& client) {
    const EndOfRequest end(*this, request);
    const bool handled = attempt(request, client, [&] {
        enter_registry(request);
        const EndsWithPeer ends_with_peer(*this, request);
        finish_request(request, client);
    });
    if (handled)
        ++counters().handled;
}

template <class Request>
bool BaseServer<Request>::serve_part(Request& request, const Address& client, const std::function<bool()>& part) {
    EndOfRequest end(*this, request);
    bool more_follows = false;
    const bool done = attempt(request, client, [&] {
        const EndsWithPeer ends_with_peer(*this, request);
        more_follows = part();
    });
    if (done && more_follows)
        end.go_on();
    else if (done)
        ++counters().handled;
    return done && more_follows;
}

template <class Request>
__attribute__((flatten)) void BaseServer<Request>::serve_request_in_thread(Request& request, const Address& client) {
    PollWaiter waiter(cut_signal(), this);
    const ScopedWaiter installed(waiter);
    serve_request(request, client);
}

template <class Request>
void BaseServer<Request>::enter_registry(Request& request) {
    if constexpr (std::same_as<Request, Socket>)
        detail::ServedRequest::enter(request, registry());
}

template <class Request>
void BaseServer<Request>::request_failed(Request& request, const Address& client) noexcept {
    ++counters().failed;
    try {
        throw;
    } catch (const system_error& failure) {
        if (failure.code() == system_code(ETIMEDOUT))
            ++counters().timed_out;
        else if (failure.code() == system_code(ECONNRESET) || failure.code() == system_code(EPIPE))
            ++counters().reset;
    } catch (...) {  // NOLINT(bugprone-empty-catch): what it is handle_error() tells
    }
    handle_error(request, client, std::current_exception());
}

template <class Request>
void BaseServer<Request>::end_request(Request& request) noexcept {
    // Before the peer can know, who may then come back at once.
    if constexpr (std::same_as<Request, Socket>)
        detail::ServedRequest::keep(request, nullptr);
    try {
        shutdown_request(request);
    } catch (const std::exception& failure) {
        log(Severity::error, failure.what());
    } catch (...) {
        log(Severity::error, "shutdown_request threw an exception that is no std::exception");
    }
    static_cast<void>(detail::ServedRequest::take_ticket(request));
    gave_back();
    if constexpr (requires { request.bytes_sent(); }) {
        counters().bytes_received += request.data().size();
        counters().bytes_sent += request.bytes_sent();
    }
}

template class BaseServer<Socket>;
template class BaseServer<Datagram>;

}  // namespace socketserver
