#pragma once

/// \file
/// What the tests of lib/socketserver/net share.

#include "support/eventually.hpp"

#include <socketserver/net/byte_stream.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/net/socket_functions.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <future>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace socketserver::test {

using namespace std::chrono_literals;

/// Two ends of a connection.
struct Ends {
    Socket server;
    Socket client;
};

/// A TCP connection over loopback.
inline Ends tcp_connection() {
    Socket listener = create_server(Address("127.0.0.1", 0));
    Socket client = create_connection(listener.getsockname());
    Socket server = listener.accept().first;
    return {std::move(server), std::move(client)};
}

/// A pair of connected Unix stream sockets.
inline Ends unix_connection() {
    auto [server, client] = socketpair();
    return {std::move(server), std::move(client)};
}

/// How many bytes a socket has received and nobody has read.
inline std::size_t queued(int fd) {
    int count = 0;
    return ::ioctl(fd, FIONREAD, &count) == 0 ? static_cast<std::size_t>(count) : 0;
}

/// Waits until that many bytes have come.
inline bool arrive(const Socket& socket, std::size_t count) {
    return eventually([&] { return queued(socket.fileno()) >= count; });
}

/// Whether a socket has room for output.
inline bool writable_now(const Socket& socket) {
    pollfd entry{socket.fileno(), POLLOUT, 0};
    return ::poll(&entry, 1, 0) == 1;
}

/// Bytes in which none can be lost, doubled or exchanged unnoticed.
inline std::string pattern(std::size_t size) {
    std::string bytes(size, '\0');
    std::uint32_t state = 1;
    for (char& byte : bytes) {
        state = state * 1664525U + 1013904223U;
        byte = static_cast<char>(state >> 24U);
    }
    return bytes;
}

/// FNV-1a, byte by byte.
class Hash {
public:
    void add(std::string_view bytes) {
        for (const char byte : bytes)
            value_ = (value_ ^ static_cast<unsigned char>(byte)) * 1099511628211U;
    }
    [[nodiscard]] std::uint64_t value() const { return value_; }

private:
    std::uint64_t value_ = 14695981039346656037U;
};

inline std::uint64_t hash_of(std::string_view bytes) {
    Hash hash;
    hash.add(bytes);
    return hash.value();
}

/// Receives until the peer ends.
inline std::string receive_to_the_end(Socket& socket) {
    std::string all;
    for (std::string data = socket.recv(65'536); !data.empty(); data = socket.recv(65'536))
        all += data;
    return all;
}

/// Sends until there is no more room on the way to the peer, without waiting.
/// \return how much was sent
inline std::size_t fill(Socket& socket) {
    const auto timeout = socket.gettimeout();
    socket.setblocking(false);
    const std::string block(65'536, 'x');
    std::size_t sent = 0;
    error_code full;
    while (!full)
        sent += socket.send(block, 0, full);
    socket.settimeout(timeout);
    return sent;
}

/// An address where nobody listens.
inline Address refused_address() {
    Socket socket(AF_INET);
    socket.bind(Address("127.0.0.1", 0));
    return socket.getsockname();
}

/// How much processor time this thread has used.
inline std::chrono::microseconds processor_time() {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    return std::chrono::seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           std::chrono::microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/// Closes a connection so that the peer is told of a reset.
inline void reset(Socket& socket) {
    const linger at_once{1, 0};
    socket.setsockopt(SOL_SOCKET, SO_LINGER, std::as_bytes(std::span{&at_once, 1}));
    socket.close();
}

/// Runs a function in a thread for the length of a scope, and waits for its end.
class Background {
public:
    template <class F>
    explicit Background(F f) : thread_(std::move(f)) {}
    ~Background() { join(); }
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;
    void join() {
        if (thread_.joinable())
            thread_.join();
    }
    [[nodiscard]] pthread_t handle() { return thread_.native_handle(); }

private:
    std::thread thread_;
};

/// Runs a function in a thread that can be watched falling asleep. Boost.Test's checks are for one thread at a
/// time: the function returns what is to be checked.
template <class F>
class Waiting {
public:
    using Result = std::invoke_result_t<F>;

    explicit Waiting(F f)
        : result_(std::async(std::launch::async, [this, f = std::move(f)] {
              thread_ = static_cast<pid_t>(::syscall(SYS_gettid));
              return f();
          })) {}

    /// Whether it comes to sleep in the kernel.
    [[nodiscard]] bool sleeps() const {
        return eventually([this] {
            std::ifstream file("/proc/self/task/" + std::to_string(thread_.load()) + "/stat");
            std::string stat;
            std::getline(file, stat);
            const auto name_end = stat.rfind(')');
            return thread_ != 0 && name_end != std::string::npos && stat.compare(name_end, 3, ") S") == 0;
        });
    }

    /// What the function returned.
    Result get() { return result_.get(); }

private:
    std::atomic<pid_t> thread_{0};
    std::future<Result> result_;
};

/// Interrupts a thread about a thousand times a second, as long as it lives: SIGUSR1 with a handler that does
/// nothing, and without SA_RESTART, so that system calls fail with EINTR.
class SignalStorm {
public:
    /// \param target the thread to interrupt; must not end before the storm
    explicit SignalStorm(pthread_t target = ::pthread_self())
        : former_(install()), thread_([this, target] {
              while (!done_) {
                  ::pthread_kill(target, SIGUSR1);
                  std::this_thread::sleep_for(1ms);
              }
          }) {}
    ~SignalStorm() {
        done_ = true;
        thread_.join();
        ::sigaction(SIGUSR1, &former_, nullptr);
    }
    SignalStorm(const SignalStorm&) = delete;
    SignalStorm& operator=(const SignalStorm&) = delete;

private:
    static struct sigaction install() {
        struct sigaction action {};
        action.sa_handler = [](int) {};
        ::sigemptyset(&action.sa_mask);
        struct sigaction former {};
        ::sigaction(SIGUSR1, &action, &former);
        return former;
    }

    struct sigaction former_;
    std::atomic<bool> done_{false};
    std::thread thread_;
};

/// A ByteStream in memory: gives out `chunks` one per read, then EOF; keeps what is written, one entry per
/// write; fails the n-th operation if asked to.
class FakeStream : public ByteStream {
public:
    FakeStream() = default;
    explicit FakeStream(std::vector<std::string> chunks) : chunks_(std::move(chunks)) {}

    IoResult read_some(std::span<std::byte> buffer, error_code& error) override {
        ++reads;
        largest_read = std::max(largest_read, buffer.size());
        error = {};
        if (--fail_at_ == 0) {
            error = system_code(ECONNRESET);
            return {};
        }
        while (next_ < chunks_.size() && offset_ == chunks_[next_].size()) {
            ++next_;
            offset_ = 0;
        }
        if (next_ == chunks_.size())
            return {0, at_end};
        const std::string_view rest = std::string_view(chunks_[next_]).substr(offset_);
        const std::size_t count = std::min(rest.size(), buffer.size());
        std::transform(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(count), buffer.begin(),
                       [](char c) { return static_cast<std::byte>(c); });
        offset_ += count;
        return {count, IoStatus::ok};
    }

    IoResult write_all(std::string_view data, error_code& error) override {
        error = {};
        if (--fail_at_ == 0) {
            error = system_code(EPIPE);
            return {};
        }
        if (write_status != IoStatus::ok)
            return {0, write_status};
        written.emplace_back(data);
        return {data.size(), IoStatus::ok};
    }

    [[nodiscard]] int fileno() const noexcept override { return 77; }
    [[nodiscard]] std::string peer_name() const override { return "the.peer:1"; }

    /// Has the n-th operation from now on fail, counted from 1.
    void fail_at(int n) { fail_at_ = n; }

    std::vector<std::string> written;
    int reads = 0;
    std::size_t largest_read = 0;
    IoStatus at_end = IoStatus::eof;
    IoStatus write_status = IoStatus::ok;

private:
    std::vector<std::string> chunks_;
    std::size_t next_ = 0;
    std::size_t offset_ = 0;
    int fail_at_ = 0;
};

/// Whether an error has an errno value, and a message that names some text.
inline auto is_failure(int reason, std::string text) {
    return [reason, text = std::move(text)](const system_error& thrown) {
        BOOST_TEST_INFO("what: " << thrown.what());
        BOOST_TEST(thrown.code() == system_code(reason));
        BOOST_TEST_INFO("what: " << thrown.what());
        BOOST_TEST(std::string_view(thrown.what()).find(text) != std::string_view::npos);
        return true;
    };
}

/// Checks that an expression throws system_error, see is_failure().
#define CHECK_FAILS(expression, reason, text)                                                                          \
    BOOST_CHECK_EXCEPTION(static_cast<void>(expression), system_error, is_failure(reason, text))

}  // namespace socketserver::test
