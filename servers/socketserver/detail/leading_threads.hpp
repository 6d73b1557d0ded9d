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
#include <optional>
#include <string>
#include <utility>

namespace socketserver::detail {

/// Has a server serve requests in threads that lead in turns: what ThreadingMixIn and ThreadPoolMixIn have in common.
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

    /// Called by a leader, keeps the request for it; else (handle_request()) starts a thread for the request. If there is
    /// none to be had, the request fails.
    void process_request(Request request, Address client) override {
        if (leading_ != nullptr && leading_->server == this) {
            leading_->job.emplace(std::move(request), std::move(client), this->counters());
            return;
        }
        const auto job = std::make_shared<Job>(std::move(request), std::move(client), this->counters());
        try {
            crew_.threads().start([this, job] { this->serve_request_in_thread(job->request, job->client); },
                                  Limits::of(this->options()).stack_size);
        } catch (const std::exception&) {
            this->request_failed(job->request, job->client);
            this->end_request(job->request);
        }
    }

    [[nodiscard]] bool has_capacity() const noexcept override {
        return (leading_ != nullptr && leading_->server == this) || crew_.threads().has_capacity();
    }

    [[nodiscard]] std::size_t most_at_once() const noexcept override { return Limits::of(this->options()).most; }

    void renew_in_worker() override {
        step_down_.renew();
        crew_.threads().renew_in_worker();
        crew_.set_most(this->share_of_connections());
        Base::renew_in_worker();
    }

    [[nodiscard]] int wake_descriptor() const noexcept override { return crew_.threads().fd(); }

    void wake_accepting() noexcept override { step_down_.notify(); }

    void release_finished() override { crew_.threads().release_finished(); }

    bool join_running(Deadline deadline) override { return crew_.threads().join(deadline); }

    void serve_loop(std::chrono::milliseconds service_interval) override {
        service_interval_ = service_interval;
        next_service_ = Deadline::after(service_interval);
        failure_ = nullptr;
        has_failed_ = false;
        crew_.open();
        {
            const Closing closing(*this);
            Waitable woken(this->wakeup().fd());
            while (!this->shutdown_requested() && !has_failed_) {
                this->release_finished();
                const auto patience = crew_.fill() ? service_interval : std::min(service_interval, retry_interval);
                if (Waiter::current().wait(woken, Interest::readable, Deadline::after(patience)) == WaitResult::ready) {
                    this->wakeup().clear();
                } else if (crew_.lead_if_vacant()) {
                    std::optional<Job> none;
                    const Leading leading(*this, none);
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
        Job(Request&& the_request, Address&& the_client, Counters& counters)
            : request(std::move(the_request)), client(std::move(the_client)), active(counters) {}
        Request request;
        Address client;
        typename Base::Active active;  // from here on, so that nobody takes the server for idle
    };

    // The time for which the calling thread leads. While it leads for one server, a hook may have it lead for another.
    struct Leading {
        Leading(LeadingThreadsMixIn& leads, std::optional<Job>& takes)
            : server(&leads), job(takes), outer(std::exchange(leading_, this)) {}
        ~Leading() {
            leading_ = outer;
            if (!server->crew_.step_down() && job)
                server->accepting_deferred();
        }
        Leading(const Leading&) = delete;
        Leading& operator=(const Leading&) = delete;

        LeadingThreadsMixIn* server;
        std::optional<Job>& job;
        Leading* outer;
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
        std::optional<Job> job;
        while (crew_.lead()) {
            get_job(job);
            if (job)
                this->serve_request(job->request, job->client);
            job.reset();
        }
    }

    // Leads until there is a request, or the server stops.
    void get_job(std::optional<Job>& job) {
        const Leading leading(*this, job);
        try {
            while (!job && !this->shutdown_requested() && !crew_.closed()) {
                const bool got_one = this->accept_pause().expired() && this->handle_request_noblock();
                if (got_one || this->wait_for_request(next_service_, step_down_) == Base::Waited::timed_out)
                    call_service_actions();
            }
        } catch (const abi::__forced_unwind&) {
            throw;
        } catch (...) {  // comes out of serve_forever()
            failure_ = std::current_exception();
            has_failed_ = true;
            this->wakeup().notify();
        }
        if (has_failed_ || this->shutdown_requested())
            crew_.close();  // or others would lead in vain until serve_forever() closes it
    }

    // For whoever leads.
    void call_service_actions() {
        this->service_actions();
        next_service_ = Deadline::after(service_interval_);
    }

    static thread_local inline Leading* leading_ = nullptr;

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
