#include <socketserver/net/socket.hpp>

#include <socketserver/net/request_registry.hpp>
#include <socketserver/os/signals.hpp>

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

// How a socket moves bytes: every operation goes through transfer(), the one loop around a system call.

namespace socketserver {

using namespace std::chrono_literals;

/// What a system call does while it cannot go on.
struct Socket::Operation {
    Interest interest;
    Blocks blocks;
    std::optional<std::chrono::nanoseconds> timeout;
    int flags = 0;         // of the call; with MSG_DONTWAIT it does not wait, whatever the time-out
    Deadline deadline{};   // once started, the time-out's end is the latest
    bool started = false;  // the clock has been looked at: what need not wait does without
    bool late = false;     // of pause_for(): the next try is the last, the time is up

    // The time-out counts from here.
    void start() noexcept {
        if (!std::exchange(started, true) && timeout)
            deadline = earlier(deadline, Deadline::after(*timeout));
    }
};

Socket::Operation Socket::reading(int flags, const ReadLimits& limits) const noexcept {
    // The kernel knows no points in time.
    const Blocks blocks = limits.deadline.is_never() ? Blocks::in_kernel_if_possible : Blocks::in_waiter;
    return {Interest::readable, blocks, limits.timeout ? limits.timeout : timeout_, flags, limits.deadline};
}

Socket::Operation Socket::writing(int flags) const noexcept {
    return {Interest::writable, Blocks::in_kernel_if_possible, write_timeout_ ? write_timeout_ : timeout_, flags};
}

namespace {

IoStatus status_of(WaitResult waited) noexcept {
    switch (waited) {
        case WaitResult::timed_out: return IoStatus::timed_out;
        case WaitResult::stopped: return IoStatus::stopped;
        case WaitResult::cut: return IoStatus::cut;
        case WaitResult::ready: break;
    }
    return IoStatus::ok;
}

}  // namespace

/// Whether the kernel itself ends a call that it blocks when the time is up.
/// \param longest that it may block; none: as long as the operation may
bool Socket::kernel_keeps_time(const Operation& operation, std::optional<std::chrono::nanoseconds> longest) noexcept {
    // SO_SNDTIMEO begins anew for each piece of a write to a Unix socket, and datagrams may be sent by several threads at
    // once, which must not change anything.
    if (operation.interest == Interest::writable)
        return !operation.timeout && !longest;
    const auto timeout = longest && (!operation.timeout || *longest < *operation.timeout) ? longest : operation.timeout;
    if (kernel_timeout_current_ && kernel_timeout_ == timeout)
        return true;
    // It keeps one time-out. To change it for each read would cost more than to keep the others here.
    if (kernel_timeout_current_ && kernel_timeout_)
        return false;
    // Zero would mean no time-out to the kernel.
    if (timeout && *timeout <= 0ns)
        return false;
    // Anything shorter than its own tick it rounds up.
    const auto span = std::chrono::ceil<std::chrono::microseconds>(timeout.value_or(0ns));
    const auto seconds = std::chrono::floor<std::chrono::seconds>(span);
    timeval value{};
    value.tv_sec = static_cast<decltype(value.tv_sec)>(seconds.count());
    value.tv_usec = static_cast<decltype(value.tv_usec)>((span - seconds).count());
    kernel_timeout_ = timeout;
    kernel_timeout_current_ = ::setsockopt(fileno(), SOL_SOCKET, SO_RCVTIMEO, &value, sizeof value) == 0;
    return kernel_timeout_current_;
}

/// Lets time pass until the operation is worth another try, where nothing tells.
/// \param pause how long; doubled
WaitResult Socket::pause_for(Operation& operation, Waiter& waiter, std::chrono::milliseconds& pause) {
    if (operation.late)
        return WaitResult::timed_out;
    const WaitResult waited = waiter.sleep_until(earlier(operation.deadline, Deadline::after(pause)));
    pause = std::min(pause * 2, 50ms);
    operation.late = operation.deadline.expired();
    return waited == WaitResult::timed_out ? WaitResult::ready : waited;
}

/// Counts what went over the connection of a request.
inline void Socket::count_bytes(const Operation& operation, std::size_t count) noexcept {
    RunningRequest* const request = waitable_.request.get();
    if (request == nullptr)
        return;
    if (operation.interest == Interest::writable)
        request->produced(count);
    else if ((operation.flags & MSG_PEEK) == 0)
        request->consumed(count);
}

/// Calls the system until it does something other than "would block" or EINTR.
/// \param call takes the operation's flags, with MSG_DONTWAIT where the kernel may not block, and returns what the system
///   call returned
/// \param before_wait called before each wait that is not the kernel's
/// Part of each operation: a function more to return from after a fiber's wait is one more return that the processor cannot
/// foresee.
template <class Call, class BeforeWait>
__attribute__((always_inline)) inline IoResult Socket::transfer(Operation& operation, error_code& error, Call call,
                                                                BeforeWait before_wait) {
    error = {};
    Waiter& waiter = Waiter::current();
    waiter.flush_pending();
    const bool waits = timeout_ != 0ns && (operation.flags & MSG_DONTWAIT) == 0;
    // One system call: the kernel blocks and keeps the time.
    bool kernel_blocks = waits && operation.blocks != Blocks::in_waiter && descriptor_blocks_ &&
                         waiter.may_block_in_kernel(waitable_) &&
                         kernel_keeps_time(operation, waiter.longest_in_kernel());
    if (kernel_blocks)
        operation.start();
    // Where the last read found the end of what had come, another one would only say so again.
    bool wait_first = false;
    if (waits && operation.interest == Interest::readable && std::exchange(waitable_.input_drained(), false))
        wait_first = waiter.remembers_readiness();
    for (auto pause = 1ms;;) {
        if (wait_first) {
            before_wait();
            operation.start();
            const WaitResult waited = operation.blocks == Blocks::in_waiter_unpolled
                                          ? pause_for(operation, waiter, pause)
                                          : waiter.wait(waitable_, operation.interest, operation.deadline);
            if (waited != WaitResult::ready)
                return {0, status_of(waited)};
        }
        const ssize_t count = call(kernel_blocks ? operation.flags : operation.flags | MSG_DONTWAIT);
        if (count >= 0) {
            count_bytes(operation, static_cast<std::size_t>(count));
            return {static_cast<std::size_t>(count), IoStatus::ok};
        }
        const int reason = errno;
        if (reason == EINTR) {
            // Not again in the kernel if that would begin the time-out anew.
            kernel_blocks = kernel_blocks && !operation.timeout && !waiter.longest_in_kernel();
            continue;
        }
        if (reason != EAGAIN && reason != EWOULDBLOCK) {
            error = system_code(reason);
            return {};
        }
        if (!waits)
            return {0, IoStatus::would_block};
        // After a blocking call: its time is up, as the deadline will tell; or somebody has set O_NONBLOCK or
        // SO_RCVTIMEO through another descriptor of the same socket, which is no reason to give up.
        kernel_blocks = false;
        wait_first = true;
    }
}

template <class Call>
__attribute__((always_inline)) inline IoResult Socket::transfer(Operation& operation, error_code& error, Call call) {
    return transfer(operation, error, call, [] {});
}

namespace {

// Memory that the caller has anyway, with the face of a ReadBuffer.
struct GivenBuffer {
    std::span<std::byte> bytes;
    [[nodiscard]] std::span<std::byte> obtain() const noexcept { return bytes; }
    void give_back() const noexcept {}
};

// For the operations that have no way to tell a status but an error.
std::size_t bytes_or_error(const IoResult& result, error_code& error) noexcept {
    if (!error)
        error = to_error(result.status);
    return result.bytes;
}

}  // namespace

/// \param buffer a ReadBuffer, or what has its face
template <class Buffer>
IoResult Socket::receive(Buffer&& buffer, int flags, const ReadLimits& limits, error_code& error) {
    RunningRequest* const request = waitable_.request.get();
    // What had come when the server asked the request to end may still be read, nothing after it.
    if (request != nullptr && request->input_has_ended()) {
        error = {};
        return {0, IoStatus::stopped};
    }
    Operation operation = reading(flags, limits);
    std::size_t asked_for = 0;
    const IoResult result = transfer(
        operation, error,
        [&](int all_flags) {
            const std::span<std::byte> bytes = buffer.obtain();
            asked_for = bytes.size();
            if (request != nullptr && request->stopping())
                asked_for = std::min(asked_for, request->readable_bytes());
            return ::recv(fileno(), bytes.data(), asked_for, all_flags);
        },
        [&] { buffer.give_back(); });
    if (short_reads_tell_)
        waitable_.input_drained() = !error && result.bytes < asked_for && (flags & ~MSG_DONTWAIT) == 0 &&
                                    (waitable_.watch == nullptr || !waitable_.watch->short_reads_mislead());
    return result;
}

/// Tells the end of the stream from bytes.
IoResult Socket::with_end(IoResult result, error_code error) const noexcept {
    if (result.status == IoStatus::ok && result.bytes == 0 && !error)
        result.status = stop_requested() ? IoStatus::stopped : IoStatus::eof;
    return result;
}

IoResult Socket::read_some(std::span<std::byte> buffer, error_code& error) {
    const IoResult result = receive(GivenBuffer{buffer}, 0, {}, error);
    return with_end(result, error);
}

IoResult Socket::read_some_lazily(ReadBuffer& buffer, const ReadLimits& limits, error_code& error) {
    const IoResult result = receive(buffer, 0, limits, error);
    return with_end(result, error);
}

std::size_t Socket::recv_into(std::span<std::byte> buffer, int flags, error_code& error) {
    return bytes_or_error(receive(GivenBuffer{buffer}, flags, {}, error), error);
}

std::size_t Socket::recv_into(std::span<std::byte> buffer, int flags) {
    error_code error;
    const std::size_t count = recv_into(buffer, flags, error);
    if (error)
        fail(error, "recv from");
    return count;
}

std::string Socket::recv(std::size_t size, int flags, error_code& error) {
    std::string data(size, '\0');
    data.resize(recv_into(std::as_writable_bytes(std::span{data}), flags, error));
    return data;
}

std::string Socket::recv(std::size_t size, int flags) {
    error_code error;
    std::string data = recv(size, flags, error);
    if (error)
        fail(error, "recv from");
    return data;
}

std::size_t Socket::recvfrom_into(std::span<char> buffer, Address& address, int flags, error_code& error) {
    sockaddr_storage from;
    socklen_t length = 0;
    Operation operation = reading(flags);
    const auto result = transfer(operation, error, [&](int all_flags) {
        length = sizeof from;
        return ::recvfrom(fileno(), buffer.data(), buffer.size(), all_flags, reinterpret_cast<sockaddr*>(&from),
                          &length);
    });
    const std::size_t size = bytes_or_error(result, error);
    if (!error)
        address = Address::from_sockaddr(reinterpret_cast<sockaddr*>(&from), length);
    return size;
}

std::pair<std::string, Address> Socket::recvfrom(std::size_t size, int flags, error_code& error) {
    std::string data(size, '\0');
    Address address;
    data.resize(recvfrom_into(data, address, flags, error));
    return {std::move(data), address};
}

std::pair<std::string, Address> Socket::recvfrom(std::size_t size, int flags) {
    error_code error;
    auto received = recvfrom(size, flags, error);
    if (error)
        fail(error, "recvfrom");
    return received;
}

std::size_t Socket::recvmsg(msghdr& message, int flags, error_code& error) {
    // The call reads these lengths and then sets them, also for a second try.
    const socklen_t name_length = message.msg_namelen;
    const auto control_length = message.msg_controllen;
    Operation operation = reading(flags);
    const auto result = transfer(operation, error, [&](int all_flags) {
        message.msg_namelen = name_length;
        message.msg_controllen = control_length;
        return ::recvmsg(fileno(), &message, all_flags | MSG_CMSG_CLOEXEC);
    });
    return bytes_or_error(result, error);
}

std::size_t Socket::sendmsg(const msghdr& message, int flags, error_code& error) {
    Operation operation = writing(flags);
    const auto result = transfer(
        operation, error, [&](int all_flags) { return ::sendmsg(fileno(), &message, all_flags | MSG_NOSIGNAL); });
    return bytes_or_error(result, error);
}

std::size_t Socket::send(std::string_view data, int flags, error_code& error) {
    Operation operation = writing(flags);
    const auto result = transfer(operation, error, [&](int all_flags) {
        return ::send(fileno(), data.data(), data.size(), all_flags | MSG_NOSIGNAL);
    });
    return bytes_or_error(result, error);
}

std::size_t Socket::send(std::string_view data, int flags) {
    error_code error;
    const std::size_t count = send(data, flags, error);
    if (error)
        fail(error, "send to");
    return count;
}

IoResult Socket::write_all(std::string_view data, error_code& error) {
    Operation operation = writing();
    std::size_t sent = 0;
    error = {};
    while (sent < data.size()) {
        const IoResult result = transfer(operation, error, [&](int flags) {
            return ::send(fileno(), data.data() + sent, data.size() - sent, flags | MSG_NOSIGNAL);
        });
        sent += result.bytes;
        if (error || result.status != IoStatus::ok)
            return {sent, result.status};
    }
    return {sent, IoStatus::ok};
}

std::size_t Socket::sendall(std::string_view data, error_code& error) {
    const IoResult result = write_all(data, error);
    return bytes_or_error(result, error);
}

void Socket::sendall(std::string_view data) {
    error_code error;
    sendall(data, error);
    if (error)
        fail(error, "send to");
}

std::size_t Socket::sendto(std::string_view data, const Address& address, int flags, error_code& error) {
    // When a Unix peer's queue is full the kernel still calls our socket writable, so time must pass instead.
    Operation operation = writing(flags);
    if (address.family() == AF_UNIX)
        operation.blocks = Blocks::in_waiter_unpolled;
    const auto result = transfer(operation, error, [&](int all_flags) {
        return ::sendto(fileno(), data.data(), data.size(), all_flags | MSG_NOSIGNAL, address.data(), address.size());
    });
    return bytes_or_error(result, error);
}

std::size_t Socket::sendto(std::string_view data, const Address& address, int flags) {
    error_code error;
    const std::size_t count = sendto(data, address, flags, error);
    if (error)
        throw_error(error, "sendto", address.to_string());
    return count;
}

namespace {

// sendfile(2) raises SIGPIPE and has no flag against it: the signal is blocked, and taken back if the call made it.
ssize_t sendfile_without_signal(int to, int file, off_t* offset, std::size_t count) {
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigset_t before;
    sigpending(&before);
    const ScopedSignalBlock block{SIGPIPE};
    const ssize_t sent = ::sendfile(to, file, offset, count);
    const int reason = errno;
    if (sent < 0 && reason == EPIPE && sigismember(&before, SIGPIPE) == 0) {
        const timespec at_once{};
        while (::sigtimedwait(&pipe_signal, nullptr, &at_once) < 0 && errno == EINTR) {
        }
    }
    errno = reason;
    return sent;
}

}  // namespace

std::uint64_t Socket::sendfile(int file, std::uint64_t offset, std::optional<std::uint64_t> count, error_code& error) {
    constexpr std::uint64_t most_per_call = 1U << 30U;
    Operation operation = writing();
    operation.blocks = Blocks::in_waiter;
    // The call has no flag that keeps it from blocking, so the descriptor must.
    if (!require_nonblocking_descriptor(error))
        return 0;
    auto position = static_cast<off_t>(offset);
    std::uint64_t sent = 0;
    const std::uint64_t wanted = count.value_or(std::numeric_limits<std::uint64_t>::max());
    while (sent < wanted) {
        const auto chunk = static_cast<std::size_t>(std::min(wanted - sent, most_per_call));
        const IoResult result =
            transfer(operation, error, [&](int) { return sendfile_without_signal(fileno(), file, &position, chunk); });
        sent += bytes_or_error(result, error);
        if (error || result.bytes == 0)
            break;
    }
    return sent;
}

std::uint64_t Socket::sendfile(int file, std::uint64_t offset, std::optional<std::uint64_t> count) {
    error_code error;
    const std::uint64_t sent = sendfile(file, offset, count, error);
    if (error)
        fail(error, "sendfile to");
    return sent;
}

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

}  // namespace socketserver
