#include "script.hpp"

#include "support/eventually.hpp"
#include "support/signals_in_children.hpp"

#include <socketserver/net/waiter.hpp>

#include <cerrno>

#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace socketserver::test {

namespace {

pid_t thread_id() {
    return static_cast<pid_t>(::syscall(SYS_gettid));
}

}  // namespace

void Script::await_gate() const {
    Waitable waitable(gate.fd());
    [[maybe_unused]] const auto result = Waiter::current().wait(waitable, Interest::readable, Deadline::never());
}

void Script::block_on_gate() const {
    pollfd entry{gate.fd(), POLLIN, 0};
    while (::poll(&entry, 1, -1) < 0 && errno == EINTR) {
    }
}

void Script::record(std::string_view hook) const {
    char where = 'T';
    if (::getpid() != process_)
        where = 'C';
    else if (thread_id() == serving_thread_)
        where = 'S';
    hooks_.add(std::string(1, where) + std::string(hook));
}

void Script::settle_in_child(int fd) const {
    if (::getpid() == process_)
        return;
    // More than any case opens.
    constexpr int last = 2048;
    for (int other = 3; other < last; ++other) {
        struct stat status {};
        if (other != fd && ::fstat(other, &status) == 0 && S_ISSOCK(status.st_mode))
            ::close(other);
    }
    receive_directly(SIGTERM);
}

void Script::worker_started() const {
    workers_.add(std::to_string(::getpid()));
}

std::vector<pid_t> Script::worker_pids() const {
    std::vector<pid_t> pids;
    workers_.for_each([&pids](std::string_view pid) { pids.push_back(std::stoi(std::string(pid))); });
    return pids;
}

std::size_t Script::workers() const {
    std::size_t found = 0;
    workers_.for_each([&found](std::string_view) { ++found; });
    return found;
}

void Script::now_serving() noexcept {
    serving_thread_ = thread_id();
}

std::vector<std::string> Script::recorded(char where) const {
    std::vector<std::string> found;
    for (const std::string& line : hooks_.lines()) {
        if (line.front() == where)
            found.push_back(line.substr(1));
    }
    return found;
}

std::size_t Script::calls(std::string_view hook) const {
    std::size_t found = 0;
    hooks_.for_each([&](std::string_view line) { found += line.substr(1) == hook ? 1U : 0U; });
    return found;
}

bool Script::comes_to(std::string_view hook, std::size_t count) const {
    return eventually([&] { return calls(hook) >= count; });
}

}  // namespace socketserver::test
