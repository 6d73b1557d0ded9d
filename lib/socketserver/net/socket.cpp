#include <socketserver/net/socket.hpp>

#include <socketserver/net/detail/socket_transfer.hpp>
#include <socketserver/net/socket_stream.hpp>

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

// How a socket comes to be connected, and waits; socket_io.cpp moves its bytes, socket_functions.cpp makes sockets.

namespace socketserver {

using namespace std::chrono_literals;

std::pair<Socket, Address> Socket::accept(error_code& error) {
    if (!require_nonblocking_descriptor(error))
        return {};
    sockaddr_storage from{};
    socklen_t length = 0;
    int accepted = -1;
    Operation operation = reading();
    operation.blocks = Blocks::in_waiter;
    const IoResult result = transfer(operation, error, [&](int) -> ssize_t {
        length = sizeof from;
        // Not O_NONBLOCK: where the kernel must not block, each call says so by a flag.
        accepted =
            own_descriptor(::accept4(fileno(), reinterpret_cast<sockaddr*>(&from), &length, SOCK_CLOEXEC)).release();
        return accepted < 0 ? -1 : 0;
    });
    bytes_or_error(result, error);
    if (error)
        return {};
    const Address peer = Address::from_sockaddr(reinterpret_cast<sockaddr*>(&from), length);
    Socket connection;
    connection.waitable_.fd = accepted;
    connection.short_reads_tell_ = short_reads_tell_;
    connection.peer_ = peer;
    return {std::move(connection), peer};
}

std::pair<Socket, Address> Socket::accept() {
    error_code error;
    auto accepted = accept(error);
    if (error)
        fail(error, "accept");
    return accepted;
}

void Socket::connect(const Address& address, error_code& error) {
    const Deadline deadline = Deadline::from_timeout(timeout_);
    const bool blocked = descriptor_blocks_;
    waitable_.watch.reset();  // what it remembers is of the time before: that there is nothing to wait for
    if (!require_nonblocking_descriptor(error))
        return;
    finish_connecting(address, deadline, error);
    if (!error || error == system_code(EINPROGRESS))
        peer_ = address;
    if (blocked && timeout_ != 0ns) {
        const int flags = ::fcntl(fileno(), F_GETFL);
        descriptor_blocks_ = flags >= 0 && ::fcntl(fileno(), F_SETFL, flags & ~O_NONBLOCK) == 0;
    }
}

void Socket::finish_connecting(const Address& address, Deadline deadline, error_code& error) {
    Waiter& waiter = Waiter::current();
    waiter.flush_pending();
    constexpr auto first_pause = 1ms;
    auto pause = first_pause;
    for (;;) {
        const bool late = pause > first_pause && deadline.expired();
        if (::connect(fileno(), address.data(), address.size()) == 0)
            return;
        const int reason = errno;
        if (timeout_ == 0ns || (reason != EINPROGRESS && reason != EINTR && reason != EAGAIN)) {
            error = system_code(reason);
            return;
        }
        if (reason != EAGAIN)
            break;
        // A Unix listener's queue is full, and nothing tells when it no longer is.
        if (late) {
            error = system_code(ETIMEDOUT);
            return;
        }
        if (waiter.sleep_until(earlier(deadline, Deadline::after(pause))) == WaitResult::cut) {
            error = system_code(ECANCELED);
            return;
        }
        pause = std::min(pause * 2, 50ms);
    }
    switch (waiter.wait(waitable_, Interest::writable, deadline)) {
        case WaitResult::ready: {
            const int reason = getsockopt(SOL_SOCKET, SO_ERROR, error);
            if (!error && reason != 0)
                error = system_code(reason);
            return;
        }
        case WaitResult::timed_out: error = system_code(ETIMEDOUT); return;
        case WaitResult::stopped:
        case WaitResult::cut: error = system_code(ECANCELED); return;
    }
}

void Socket::connect(const Address& address) {
    if (const error_code error = connect_ex(address))
        throw_error(error, "connect to", address.to_string());
}

error_code Socket::connect_ex(const Address& address) {
    error_code error;
    connect(address, error);
    return error;
}

WaitResult Socket::wait(Interest interest, Deadline deadline) {
    Waiter& waiter = Waiter::current();
    const auto is_ready = [&] {
        pollfd entry{fileno(), static_cast<short>(interest == Interest::readable ? POLLIN : POLLOUT), 0};
        return ::poll(&entry, 1, 0) > 0;
    };
    if (!waiter.remembers_readiness())
        return waiter.wait(waitable_, interest, deadline);
    if (waitable_.shared) {
        if (!is_ready())
            return waiter.wait(waitable_, interest, deadline);
        waiter.flush_pending();
        return WaitResult::ready;
    }
    // The caller need not have read all there was; and what one is told of later may have been read since it came.
    for (;;) {
        const bool ready = waitable_.watch != nullptr && is_ready();
        if (ready)
            waitable_.watch->look_again(interest);
        const WaitResult waited = waiter.wait(waitable_, interest, deadline);
        if (ready || waited != WaitResult::ready || !is_open())
            return waited;
    }
}

SocketStream Socket::makefile() {
    return SocketStream{*this};
}

}  // namespace socketserver
