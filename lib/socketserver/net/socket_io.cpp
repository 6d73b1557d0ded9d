#include <socketserver/net/socket.hpp>

#include <socketserver/net/detail/socket_transfer.hpp>
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

Socket::Operation Socket::reading(int flags, const ReadLimits& limits) const noexcept {
    // The kernel knows no points in time.
    const Blocks blocks = limits.deadline.is_never() ? Blocks::in_kernel_if_possible : Blocks::in_waiter;
    return {Interest::readable, blocks, limits.timeout ? limits.timeout : timeout_, flags, limits.deadline};
}

Socket::Operation Socket::writing(int flags) const noexcept {
    return {Interest::writable, Blocks::in_kernel_if_possible, write_timeout_ ? write_timeout_ : timeout_, flags};
}

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

namespace {

// Memory that the caller has anyway, with the face of a ReadBuffer.
struct GivenBuffer {
    std::span<std::byte> bytes;
    [[nodiscard]] std::span<std::byte> obtain() const noexcept { return bytes; }
    void give_back() const noexcept {}
};

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

}  // namespace socketserver
