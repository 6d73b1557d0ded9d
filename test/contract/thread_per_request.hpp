#pragma once

/// \file
/// A mode of a test's own, as somebody would add one: a thread is made for each request and ends with it, as in Python.

#include <support/mode_traits.hpp>

#include <socketserver/detail/request_threads.hpp>
#include <socketserver/net/address.hpp>
#include <socketserver/os/deadline.hpp>
#include <socketserver/serving/statistics.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <typeinfo>
#include <utility>

namespace socketserver::test {

/// Has a server serve each request in a thread that is made for it.
template <class Base>
class ThreadPerRequestMixIn : public Base {
public:
    using Base::Base;
    ~ThreadPerRequestMixIn() override { this->close_in_destructor(typeid(ThreadPerRequestMixIn)); }

protected:
    using Request = typename Base::RequestType;

    void process_request(Request request, Address client) override {
        const auto job = std::make_shared<Job>(std::move(request), std::move(client), this->counters());
        try {
            threads_.start([this, job] { this->serve_request_in_thread(job->request, job->client); },
                           this->options().threading.stack_size);
        } catch (const std::exception&) {
            this->request_failed(job->request, job->client);
            this->end_request(job->request);
        }
    }

    [[nodiscard]] std::size_t most_at_once() const noexcept override { return this->options().threading.max_threads; }

    [[nodiscard]] typename Base::Ends ends_to_wait_for() const noexcept override { return {threads_.fd()}; }

    void release_finished() override { threads_.release_finished(); }

    bool join_running(Deadline deadline) override { return threads_.join(deadline); }

private:
    struct Job {
        Job(Request the_request, Address the_client, Counters& counters)
            : request(std::move(the_request)), client(std::move(the_client)), active(counters) {}
        Request request;
        Address client;
        typename Base::Active active;
    };

    detail::RequestThreads threads_;
};

/// The mode's name, as a server is told it.
struct ThreadPerRequest {
    template <class Base>
    using MixIn = ThreadPerRequestMixIn<Base>;
};

template <>
inline constexpr ModeTraits traits_of<ThreadPerRequest>{.serves_in_threads = true};

}  // namespace socketserver::test
