#include <socketserver/detail/shutdown_thread.hpp>

#include <socketserver/os/deadline.hpp>

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

namespace socketserver::detail {

namespace {

// How long requests that were cut have to come to their end.
constexpr std::chrono::seconds grace{1};

}  // namespace

std::string farewell(const std::string& program, std::uint64_t requests, const std::string& why) {
    return program + ": " + std::to_string(requests) + (requests == 1 ? " request " : " requests ") + why + '\n';
}

ShutdownThread::ShutdownThread(ProgramServer& server, const SignalFd& signals, std::chrono::nanoseconds drain,
                               std::string program)
    : server_(server), signals_(signals), drain_(drain), program_(std::move(program)), thread_([this] { run(); }) {}

ShutdownThread::~ShutdownThread() {
    finished_.notify();
    thread_.join();
}

void ShutdownThread::run() const {
    if (wait(Deadline::never()) != Event::signal)
        return;
    const Deadline deadline = Deadline::after(drain_);
    server_.stop();
    Event event = wait(earlier(deadline, Deadline::after(server_.grace())));
    if (event == Event::too_late) {
        server_.end_grace();
        event = wait(deadline);
    }
    if (event == Event::signal && running() > 0)
        leave(second_signal);
    if (event != Event::finished) {
        server_.cut();
        event = wait(Deadline::after(grace));
    }
    if (event != Event::finished)
        leave(event == Event::signal ? second_signal : "still running when the time to drain was up");
}

ShutdownThread::Event ShutdownThread::wait(Deadline deadline) const {
    std::array<pollfd, 2> polled{{{finished_.fd(), POLLIN, 0}, {signals_.fd(), POLLIN, 0}}};
    for (;;) {
        const bool late = deadline.expired();
        const int ready = ::poll(polled.data(), polled.size(), deadline.poll_timeout());
        if (ready > 0 && polled[0].revents != 0)
            return Event::finished;
        if (ready > 0 && signals_.take())
            return Event::signal;
        if (late)
            return Event::too_late;
    }
}

std::uint64_t ShutdownThread::running() const {
    return server_.loop().statistics().active;
}

void ShutdownThread::leave(const std::string& why) const {
    const std::string line = farewell(program_, running(), why);
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
    ::_exit(EXIT_FAILURE);
}

}  // namespace socketserver::detail
