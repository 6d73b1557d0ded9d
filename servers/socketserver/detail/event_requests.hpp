#pragma once

/// \file
/// Requests whose handlers are called for events (EventHandler), by fibers that do not wait for them.

#include <socketserver/detail/event_session.hpp>
#include <socketserver/detail/selecting_loops.hpp>
#include <socketserver/fiber/fiber_loop.hpp>
#include <socketserver/net/address.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/serving/statistics.hpp>

#include <array>
#include <exception>
#include <memory>
#include <new>
#include <utility>

#include <cxxabi.h>

namespace socketserver::detail {

/// Has a server call the event-style handlers of its connections for each input:
///
///     fiber: begin ──▶ [ no fiber: the loop waits ] ──input──▶ fiber: go_on ──▶ [ the loop waits ] ... ──▶ end
///
/// \tparam Base the server
template <class Base>
class EventRequests : public Base {
public:
    using Base::Base;

protected:
    /// A request while it is served.
    struct Job {
        /// \param counters where it counts as active
        Job(typename Base::RequestType the_request, Address the_client, Counters& counters)
            : request(std::move(the_request)), client(std::move(the_client)), active(counters) {}

        typename Base::RequestType request;
        Address client;
        typename Base::Active active;
        std::unique_ptr<EventSession> session;  // of an event-style handler
    };

    /// Makes the handler of a request and calls it. The handler outlives the calling fiber, and so does the request.
    /// \param got the request
    /// \param loops what runs its fibers
    void serve_events(Job& got, SelectingLoops& loops) {
        std::shared_ptr<Job> job;
        try {
            job = std::make_shared<Job>(std::move(got));
        } catch (const std::bad_alloc&) {
            this->request_failed(got.request, got.client);
            this->end_request(got.request);
            return;
        }
        go_on(job, loops, [this, &job] {
            job->session = this->maker()->begin(job->request, job->client, *this);
            this->enter_registry(job->request);
            return job->session->begin();
        });
    }

private:
    // Runs a part of the request, and waits for the input after which the next is due. A handler that cannot wait costs its
    // request, not the server.
    template <class Part>
    void go_on(const std::shared_ptr<Job>& job, SelectingLoops& loops, const Part& part) {
        if (!this->serve_part(job->request, job->client, part))
            return;
        try {
            wait(job, loops);
        } catch (const abi::__forced_unwind&) {
            throw;
        } catch (...) {
            this->serve_part(job->request, job->client, [&job] {
                job->session->fail();
                return false;
            });
        }
    }

    void wait(const std::shared_ptr<Job>& job, SelectingLoops& loops) {
        const Deadline until = job->session->input_deadline();
        FiberLoop& loop = SelectingLoop::current().loop;
        loop.when_readable(job->request.waitable(), until, this, [this, job, &loops](WaitResult waited) {
            // Messages call the fiber by the peer that it serves.
            std::array<char, Fiber::longest_name> name;
            SelectingLoop::current().loop.rename_current(job->client.write(name));
            loops.guarded([&] { go_on(job, loops, [&job, waited] { return job->session->go_on(waited); }); });
        });
    }
};

}  // namespace socketserver::detail
