#pragma once

/// \file
/// A child process for each request.

#include <socketserver/detail/forked_children.hpp>
#include <socketserver/detail/stop_schedule.hpp>
#include <socketserver/net/address.hpp>
#include <socketserver/net/detail/served_request.hpp>
#include <socketserver/net/pooled_buffer.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/os/error.hpp>
#include <socketserver/server_options.hpp>

#include <sys/types.h>

#include <concepts>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <utility>

namespace socketserver {

/// Has a server serve each request in a child process of its own.
///
/// The parent accepts, forks, and calls close_request() alone; the child runs the rest and leaves by _exit(2), with status 0 if the
/// handler returned or its exception went to handle_error(), 1 if something else ended it; what is buffered for std::cout and
/// stdio is written out before (flush_buffered_output()). At most
/// ServerOptions::Forking::max_children run at once, or ServerOptions::max_connections if that is less. A handler changes nothing in the parent: what requests share
/// lies in shared memory or elsewhere. The child ignores SIGINT and takes SIGTERM as being asked to end.
///
/// A program that has other threads when it forks gives its children no thread but the one; what those threads had locked
/// stays locked there.
///
/// Owns: the children. They have all been reaped when server_close() returns.
/// \tparam Base the server to derive from: StreamServer, DatagramServer, or a server with handlers such as TCPServer<H>
template <class Base>
class ForkingMixIn : public Base {
public:
    using Base::Base;

    /// Closes the server before the children's owner goes.
    ~ForkingMixIn() override { this->close_in_destructor(typeid(ForkingMixIn)); }

    /// The process numbers of the children that have not been reaped. Thread: any.
    [[nodiscard]] std::set<pid_t> active_children() const { return children_.pids(); }

protected:
    /// What comes in.
    using Request = typename Base::RequestType;

    /// Forks a child that serves the request. If none can be forked, the request fails.
    void process_request(Request request, Address client) override {
        if (!this->registry().stopping())
            this->new_requests_are_spared() = false;  // as a former stop may have left it
        // Counted before anybody can see the child at work.
        this->counters().active = children_.size() + 1;
        try {
            // A child finds its first buffer in the pool, in place of asking the heap, whose books it would have to copy.
            PooledBuffer(PooledBuffer::small_size).reset();
            const auto work = [&] { return serve_in_child(request, client); };
            children_.start(client.to_string(), std::cref(work), held_by(request));
        } catch (const std::exception&) {
            this->counters().active = children_.size();
            this->request_failed(request, client);
            this->end_request(request);
            return;
        }
        this->close_request(request);
    }

    [[nodiscard]] std::size_t most_at_once() const noexcept override { return this->options().forking.max_children; }

    [[nodiscard]] typename Base::Ends ends_to_wait_for() const noexcept override {
        return {children_.fd(), children_.collect_by()};
    }

    void release_finished() override {
        try {
            tell_of_ended();
        } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): those that are left are looked for again
        }
        this->counters().active = children_.size();
    }

    // Children forked from now on are asked by the registry's flag. Not by what the base does: it locks, and a child that is
    // being forked at this moment would find that lock held for ever.
    void stop_running(detail::StopStep step) noexcept override {
        switch (step) {
            case detail::StopStep::ask_old:
                if (!this->registry().stopping())
                    this->new_requests_are_spared() = true;
                this->registry().stop_only_request_unless_new();
                return children_.signal_all(SIGTERM);
            case detail::StopStep::ask_all:
                this->registry().stop_only_request();
                this->new_requests_are_spared() = false;
                return children_.signal_all(SIGTERM);
            case detail::StopStep::cut:
            case detail::StopStep::kill: this->registry().announce_cut(); return children_.signal_all(SIGKILL);
        }
    }

    bool join_running(Deadline deadline) override {
        for (;;) {
            release_finished();
            if (children_.size() == 0)
                return true;
            if (!children_.wait_for_end(deadline))
                return false;
        }
    }

private:
    // What the request holds until the child has been reaped.
    static detail::HeldByChild held_by(Request& request) {
        detail::HeldByChild held{detail::ServedRequest::take_ticket(request), nullptr};
        if constexpr (std::same_as<Request, Socket>)
            held.place = detail::ServedRequest::kept(request);
        return held;
    }

    void tell_of_ended() {
        for (const detail::EndedChild& child : children_.collect()) {
            if (const int signal = child.signal(); signal != 0) {
                ++this->counters().failed;
                if (signal == SIGKILL && this->cutting())
                    ++this->counters().cut;
                this->log(Severity::error, "request from " + child.serving + ": child " + std::to_string(child.pid) +
                                               " was killed by signal " + std::to_string(signal) + " (" +
                                               sigdescr_np(signal) + ")");
            }
        }
    }

    int serve_in_child(Request& request, const Address& client) {
        // What the parent waits with is not the child's; a stream's child does not keep the port either.
        if (!this->requests_share_socket())
            this->socket().close();
        const detail::TermStopsRequest term(this->registry(), this->new_requests_are_spared());
        this->serve_request_in_thread(request, client);
        return EXIT_SUCCESS;
    }

    detail::ForkedChildren children_;
};

/// The concurrency of a server that serves each request in a child process of its own. For handlers that may crash, leak, or
/// need another user's rights; for up to some dozens of requests at once.
struct Forking {
    /// The mixin.
    template <class Base>
    using MixIn = ForkingMixIn<Base>;
};

}  // namespace socketserver
