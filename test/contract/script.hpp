#pragma once

/// \file
/// What the handlers and hooks of a server under test do, and what they were seen to do.

#include "shared_lines.hpp"

#include <socketserver/net/address.hpp>
#include <socketserver/net/buffered_reader.hpp>
#include <socketserver/net/buffered_writer.hpp>
#include <socketserver/net/datagram.hpp>
#include <socketserver/net/socket.hpp>
#include <socketserver/os/wakeup.hpp>
#include <socketserver/serving/server_context.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>
#include <unistd.h>

namespace socketserver::test {

/// A handler of either kind, as the script sees it.
struct Conversation {
    BufferedReader& rfile;
    BufferedWriter& wfile;
    const Address& client_address;
    ServerContext& server;
    Socket* connection = nullptr;  ///< null under a datagram server
    Datagram* datagram = nullptr;  ///< null under a stream server

    // Attributes of a StreamRequestHandler, null in a datagram's.
    std::optional<std::chrono::nanoseconds>* timeout = nullptr;
    std::size_t* wbufsize = nullptr;

    /// Sends back what comes, line by line.
    void echo() {
        for (auto line = rfile.readline(); !line.empty(); line = rfile.readline())
            wfile.write(line);
    }
};

/// What the handlers of one server do at each of their hooks, and a record of all hooks, of the handlers and of the server.
/// The functions run in whatever thread or child the concurrency chooses: they must not use Boost.Test.
///
/// Life: longer than the server's. Thread: the functions are set before serving, or between.
class Script {
public:
    std::function<void(Conversation&)> construct;
    std::function<void(Conversation&)> setup;
    std::function<void(Conversation&)> handle = [](Conversation& with) { with.echo(); };
    std::function<void(Conversation&)> finish;
    std::function<bool(const Address&)> verify_request;
    std::function<void()> service_actions;
    std::function<void()> handle_timeout;
    std::function<void()> worker_started_hook;

    /// The server's messages.
    SharedLines log;

    /// Notifying it lets handlers that await() go on. Reaches children.
    Wakeup gate;

    /// Waits for the gate as a handler should, holding up nobody.
    void await_gate() const;

    /// Waits for the gate by a system call of its own, of which the library knows nothing.
    void block_on_gate() const;

    /// Notes that a hook was called, and where: in the serving thread, in another thread, or in a child.
    void record(std::string_view hook) const;

    /// In a forked child: closes every socket but one, in particular the clients' ends, which are the same process's as
    /// the server here and would otherwise never be closed for good; and takes signals under any sanitizer. Elsewhere
    /// does nothing.
    void settle_in_child(int fd) const;

    /// Notes that this process is a worker of the server, and about to serve.
    void worker_started() const;

    /// Which processes have noted that, in order.
    [[nodiscard]] std::vector<pid_t> worker_pids() const;

    /// How many they are.
    [[nodiscard]] std::size_t workers() const;

    /// Takes the calling thread for the serving one.
    void now_serving() noexcept;

    /// The hooks called by the serving thread, in order.
    [[nodiscard]] std::vector<std::string> in_serving_thread() const { return recorded('S'); }
    /// The hooks called in other threads of this process, in order.
    [[nodiscard]] std::vector<std::string> in_other_threads() const { return recorded('T'); }
    /// The hooks called in children, in order.
    [[nodiscard]] std::vector<std::string> in_children() const { return recorded('C'); }
    /// How often a hook was called, anywhere.
    [[nodiscard]] std::size_t calls(std::string_view hook) const;
    /// Whether a hook comes to have been called that often.
    [[nodiscard]] bool comes_to(std::string_view hook, std::size_t count = 1) const;

private:
    [[nodiscard]] std::vector<std::string> recorded(char where) const;

    SharedLines hooks_;
    SharedLines workers_;
    const pid_t process_ = ::getpid();
    std::atomic<pid_t> serving_thread_{0};
};

}  // namespace socketserver::test
