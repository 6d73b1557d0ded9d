#pragma once

/// \file
/// Event-style handlers at work, whatever their type.

#include <socketserver/net/address.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/serving/event_handler.hpp>
#include <socketserver/serving/request_handler.hpp>
#include <socketserver/serving/server_context.hpp>

#include <cxxabi.h>

namespace socketserver::detail {

/// An event-style handler at work, whatever its type.
///
/// Owns: the handler. Borrows the request. Thread: the fibers of one loop, one after the other.
class EventSession {
public:
    virtual ~EventSession() = default;
    EventSession(const EventSession&) = delete;
    EventSession& operator=(const EventSession&) = delete;

    /// Sets the handler up.
    /// \return whether to wait for input; if not, the handler is finished
    virtual bool begin() = 0;

    /// Until when to wait.
    [[nodiscard]] virtual Deadline input_deadline() const = 0;

    /// Calls the handler after a wait.
    /// \param waited how the wait ended
    /// \return whether to wait again; if not, the handler is finished
    virtual bool go_on(WaitResult waited) = 0;

    /// Finishes a handler that could not wait. To be called while the exception that says why is being handled; throws it again.
    [[noreturn]] virtual void fail() = 0;

protected:
    EventSession() = default;
};

/// The session of a handler's type.
template <EventHandler Handler>
class EventSessionOf final : public EventSession {
public:
    /// \param shared what the handler is made from besides
    template <class... Shared>
    EventSessionOf(Socket& request, const Address& client, ServerContext& server, Shared&... shared)
        : handler_(request, client, server, shared...), request_(request), client_(client) {}

    bool begin() override {
        handler_.setup();
        return finished_unless(expects_input(handler_));
    }
    [[nodiscard]] Deadline input_deadline() const override { return socketserver::input_deadline(handler_, request_); }
    bool go_on(WaitResult waited) override {
        bool wants_more = false;
        try {
            check_wait_for_input(handler_, waited, client_);
            wants_more = handler_.input_ready();
        } catch (const abi::__forced_unwind&) {
            throw;
        } catch (...) {
            fail();
        }
        return finished_unless(wants_more);
    }
    [[noreturn]] void fail() override {
        finish_failed_handler(handler_);
        throw;
    }

private:
    bool finished_unless(bool wants_more) {
        if (!wants_more)
            handler_.finish();
        return wants_more;
    }

    Handler handler_;
    Socket& request_;
    const Address& client_;
};

}  // namespace socketserver::detail
