#pragma once

/// \file
/// Serves each request in the thread that got it, while another thread waits for the next one.

#include <socketserver/detail/leader_followers.hpp>
#include <socketserver/net/address.hpp>
#include <socketserver/net/poll_waiter.hpp>
#include <socketserver/os/wakeup.hpp>
#include <socketserver/serving/log.hpp>
#include <socketserver/serving/statistics.hpp>

#include <cxxabi.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace socketserver::detail {

/// Has a server serve requests in threads that lead in turns: what ThreadingMixIn and ThreadPoolMixIn have in common.
///
///     lead ▶ wait ▶ get ▶ verify ▶ process_request: [ service_actions ▶ step down ▶ serve ] ▶ follow or leave
///
/// The leader calls get_request(), verify_request(), process_request() and service_actions(), none of which is ever called by
/// two threads at once. The thread that called serve_forever() makes threads, and calls service_actions() while all of them
/// serve.
///
/// Owns: the threads. They have all ended when server_close() returns.
/// \tparam Base the server to derive from
/// \tparam Limits how many threads: `LeaderFollowers::Limits Limits::of(const ServerOptions&)`
template <class Base, class Limits>
class LeadingThreadsMixIn : public Base {
public:
    using Base::Base;

    /// How many threads have been started and not yet been let go, idle ones included. Thread: any.
    [[nodiscard]] std::size_t tracked_threads() const { return crew_.threads().tracked(); }

protected:
    /// What comes in.
    using Request = typename Base::RequestType;

    /// Called by the leader, has another thread lead and serves the request; else (handle_request()) starts a thread for the request.
    /// If there is none to be had, the request fails.
    void process_request(Request request, Address client) override {
        typename Base::Active active(this->counters());  // from here on, so that nobody takes the server for idle
        if (crew_.leads()) {
            guarded([this] { call_service_actions(); });
            if (!crew_.step_down())
                this->accepting_deferred();
            return this->serve_request(request, client);
        }
        const auto job = std::make_shared<Job>(std::move(request), std::move(client), std::move(active));
        try {
            crew_.threads().start([this, job] { this->serve_request_in_thread(job->request, job->client); },
                                  Limits::of(this->options()).stack_size);
        } catch (const std::exception&) {
            this->request_failed(job->request, job->client);
            this->end_request(job->request);
        }
    }

    [[nodiscard]] std::size_t most_at_once() const noexcept override { return Limits::of(this->options()).most; }

    [[nodiscard]] typename Base::Ends ends_to_wait_for() const noexcept override { return {crew_.threads().fd()}; }

    void wake_accepting() noexcept override { step_down_.notify(); }

    void release_finished() override { crew_.threads().release_finished(); }

    bool join_running(Deadline deadline) override { return crew_.threads().join(deadline); }

    void serve_loop(std::chrono::milliseconds service_interval) override {
        if (this->is_worker()) {  // what was inherited is the parent's
            step_down_.renew();
            crew_.threads().renew_in_worker();
        }
        service_interval_ = service_interval;
        next_service_ = Deadline::after(service_interval);
        failure_ = nullptr;
        has_failed_ = false;
        crew_.open(this->limit().most());
        {
            const Closing closing(*this);
            Waitable woken(this->wakeup().fd());
            while (!this->shutdown_requested() && !has_failed_) {
                this->release_finished();
                const auto patience = crew_.fill() ? service_interval : std::min(service_interval, retry_interval);
                if (Waiter::current().wait(woken, Interest::readable, Deadline::after(patience)) == WaitResult::ready) {
                    this->wakeup().clear();
                } else if (crew_.lead_if_vacant()) {
                    const Leading leading(crew_);
                    call_service_actions();
                }
            }
        }
        if (failure_)
            std::rethrow_exception(failure_);
    }

private:
    static constexpr std::chrono::milliseconds retry_interval{50};

    struct Job {
        Job(Request&& the_request, Address&& the_client, typename Base::Active&& is_active)
            : request(std::move(the_request)), client(std::move(the_client)), active(std::move(is_active)) {}
        Request request;
        Address client;
        typename Base::Active active;
    };

    // The calling thread, which leads, does so no more when the scope ends.
    struct Leading {
        explicit Leading(LeaderFollowers& of) : crew(of) {}
        ~Leading() {
            if (crew.leads())
                crew.step_down();
        }
        Leading(const Leading&) = delete;
        Leading& operator=(const Leading&) = delete;

        LeaderFollowers& crew;
    };

    struct Closing {
        explicit Closing(LeadingThreadsMixIn& closes) : server(closes) {}
        ~Closing() {
            server.crew_.close();
            server.step_down_.notify();
            server.crew_.wait_until_vacant();
            server.step_down_.clear();
        }
        Closing(const Closing&) = delete;
        Closing& operator=(const Closing&) = delete;

        LeadingThreadsMixIn& server;
    };

    // What a thread does until it is one too many, or the server stops.
    void live() {
        PollWaiter waiter(this->cut_signal(), this);
        const ScopedWaiter installed(waiter);
        while (crew_.lead()) {
            const Leading leading(crew_);
            while (crew_.leads() && !this->shutdown_requested() && !crew_.closed())
                guarded([this] { accept(); });
            if (crew_.leads())
                crew_.close();  // or others would lead in vain until serve_forever() closes it
        }
    }

    // What the leader does: gets a request, which it then serves and leads no more, or waits for one.
    void accept() {
        const bool got_one = this->backoff().until().expired() && this->handle_request_noblock(this->limit().take());
        if (!crew_.leads())
            return;
        if (got_one || this->wait_for_request(next_service_, step_down_) == Base::Waited::timed_out)
            call_service_actions();
    }

    // Does something for the leader; what it throws while it leads comes out of serve_forever().
    template <class Action>
    void guarded(Action action) {
        try {
            action();
        } catch (const abi::__forced_unwind&) {
            throw;
        } catch (...) {
            if (!crew_.leads())
                throw;
            failure_ = std::current_exception();
            has_failed_ = true;
            crew_.close();
            this->wakeup().notify();
        }
    }

    // For whoever leads.
    void call_service_actions() {
        this->service_actions();
        next_service_ = Deadline::after(service_interval_);
    }

    std::chrono::milliseconds service_interval_{};
    Deadline next_service_ = Deadline::never();  // the leader's
    Wakeup step_down_;                           // tells the leader
    std::exception_ptr failure_;                 // the leader's
    std::atomic<bool> has_failed_{false};
    LeaderFollowers crew_{Limits::of(this->options()), [this] { live(); },
                          [this](const std::exception& why) {
                              this->log(Severity::error, std::string("cannot make a thread: ") + why.what() +
                                                             "; requests wait until there is one");
                          }};
};

}  // namespace socketserver::detail
