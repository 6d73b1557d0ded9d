#include <socketserver/loop/selector.hpp>

#include <socketserver/os/error.hpp>
#include <socketserver/os/unique_fd.hpp>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace socketserver {

namespace {

constexpr std::size_t max_events = 256;

class EpollSelector final : public Selector {
public:
    EpollSelector() : Selector(true), epoll_(own_descriptor(::epoll_create1(EPOLL_CLOEXEC))) {
        if (!epoll_)
            throw_errno(errno, "epoll_create1");
    }

    void add(int fd, Token token, Sharing sharing) override {
        epoll_event event{};
        // One call for the life of the connection: both directions, each change reported once. Of one that is shared each
        // change is told to one that waits just now, and also to all that do not; so it is never lost on one that is busy.
        event.events = sharing == Sharing::shared ? EPOLLIN | EPOLLEXCLUSIVE | EPOLLET
                                                  : EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
        event.data.u64 = token;
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
            throw_errno(errno, "epoll_ctl");
    }

    void want(int, Readiness) noexcept override {}

    void remove(int fd) noexcept override { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

    std::size_t wait(Deadline deadline, std::span<Event> events) override {
        std::array<epoll_event, max_events>
            got;  // NOLINT(cppcoreguidelines-pro-type-member-init): epoll_wait writes it
        const int count = ::epoll_wait(epoll_.get(), got.data(), static_cast<int>(std::min(max_events, events.size())),
                                       deadline.poll_timeout());
        if (count < 0) {
            if (errno != EINTR)
                throw_errno(errno, "epoll_wait");
            return 0;
        }
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
            const auto bits = got[i].events;
            const bool hung_up = (bits & (EPOLLHUP | EPOLLRDHUP | EPOLLERR)) != 0;
            const bool failed = (bits & (EPOLLHUP | EPOLLERR)) != 0;
            events[i] = {got[i].data.u64,
                         {.readable = (bits & (EPOLLIN | EPOLLPRI)) != 0 || hung_up,
                          .writable = (bits & EPOLLOUT) != 0 || failed,
                          .hung_up = hung_up,
                          .urgent = (bits & EPOLLPRI) != 0}};
        }
        return static_cast<std::size_t>(count);
    }

private:
    UniqueFd epoll_;
};

class PollSelector final : public Selector {
public:
    void add(int fd, Token token, Sharing) override {
        index_.emplace(fd, polled_.size());
        polled_.push_back({ignored, 0, 0});
        watched_.push_back({fd, token});
    }

    void want(int fd, Readiness wanted) noexcept override {
        pollfd& entry = polled_[index_.at(fd)];
        entry.events = static_cast<short>((wanted.readable ? POLLIN | POLLRDHUP : 0) | (wanted.urgent ? POLLPRI : 0) |
                                          (wanted.writable ? POLLOUT : 0));
        // Of a descriptor of which nothing is wanted, poll(2) would still tell a failure, again and again.
        entry.fd = entry.events != 0 ? fd : ignored;
    }

    void remove(int fd) noexcept override {
        const auto entry = index_.find(fd);
        const std::size_t place = entry->second;
        index_.erase(entry);
        if (place != polled_.size() - 1) {
            polled_[place] = polled_.back();
            watched_[place] = watched_.back();
            index_[watched_[place].fd] = place;
        }
        polled_.pop_back();
        watched_.pop_back();
    }

    std::size_t wait(Deadline deadline, std::span<Event> events) override {
        int left = ::poll(polled_.data(), polled_.size(), deadline.poll_timeout());
        if (left < 0) {
            if (errno != EINTR)
                throw_errno(errno, "poll");
            return 0;
        }
        // Beginning where the last time ended, so that each gets its turn if there is no room for all.
        std::size_t count = 0;
        std::size_t place = begin_ < polled_.size() ? begin_ : 0;
        for (std::size_t looked = 0; looked < polled_.size() && left > 0 && count < events.size(); ++looked) {
            const auto bits = polled_[place].revents;
            if (bits != 0) {
                --left;
                const bool failed = (bits & (POLLHUP | POLLERR | POLLNVAL)) != 0;
                events[count++] = {watched_[place].token,
                                   {.readable = (bits & (POLLIN | POLLPRI | POLLRDHUP)) != 0 || failed,
                                    .writable = (bits & POLLOUT) != 0 || failed,
                                    .hung_up = (bits & POLLRDHUP) != 0 || failed,
                                    .urgent = (bits & POLLPRI) != 0}};
            }
            place = place + 1 < polled_.size() ? place + 1 : 0;
        }
        begin_ = place;
        return count;
    }

private:
    static constexpr int ignored = -1;  // poll(2) passes over negative descriptors

    struct Watched {
        int fd;
        Token token;
    };
    std::vector<pollfd> polled_;
    std::vector<Watched> watched_;  // of the same place in polled_
    std::unordered_map<int, std::size_t> index_;
    std::size_t begin_ = 0;  // where to look first
};

class SelectSelector final : public Selector {
public:
    void add(int fd, Token token, Sharing) override {
        if (fd >= FD_SETSIZE)
            throw_errno(EMFILE, "descriptor " + std::to_string(fd) +
                                    " is too high for select(2), which takes those below " +
                                    std::to_string(FD_SETSIZE) + "; use epoll or poll");
        watched_.emplace(fd, Watched{token, {}});
    }

    void want(int fd, Readiness wanted) noexcept override { watched_.at(fd).wanted = wanted; }

    void remove(int fd) noexcept override { watched_.erase(fd); }

    std::size_t wait(Deadline deadline, std::span<Event> events) override {
        fd_set input;
        fd_set output;
        fd_set urgent;
        FD_ZERO(&input);
        FD_ZERO(&output);
        FD_ZERO(&urgent);
        int highest = -1;
        for (const auto& [fd, watched] : watched_) {
            if (watched.wanted.readable)
                FD_SET(fd, &input);
            if (watched.wanted.urgent)
                FD_SET(fd, &urgent);
            if (watched.wanted.writable)
                FD_SET(fd, &output);
            highest = fd;
        }
        const int milliseconds = deadline.poll_timeout();
        timeval timeout{milliseconds / 1'000, milliseconds % 1'000 * 1'000L};
        const int ready = ::select(highest + 1, &input, &output, &urgent, milliseconds < 0 ? nullptr : &timeout);
        if (ready < 0) {
            if (errno != EINTR)
                throw_errno(errno, "select");
            return 0;
        }
        // Beginning where the last time ended, so that each gets its turn if there is no room for all.
        std::size_t count = 0;
        auto next = watched_.lower_bound(begin_);
        for (std::size_t looked = 0; looked < watched_.size() && count < events.size(); ++looked) {
            if (next == watched_.end())
                next = watched_.begin();
            const auto& [fd, watched] = *next++;
            const bool is_urgent = FD_ISSET(fd, &urgent);
            const Readiness came{.readable = FD_ISSET(fd, &input) || is_urgent,
                                 .writable = FD_ISSET(fd, &output),
                                 .hung_up = false,  // select(2) cannot tell; a read will
                                 .urgent = is_urgent};
            if (came.readable || came.writable)
                events[count++] = {watched.token, came};
            begin_ = fd + 1;
        }
        return count;
    }

private:
    struct Watched {
        Token token;
        Readiness wanted;
    };
    std::map<int, Watched> watched_;
    int begin_ = 0;  // where to look first
};

}  // namespace

std::string_view to_string(SelectorKind kind) noexcept {
    switch (kind) {
        case SelectorKind::epoll: return "epoll";
        case SelectorKind::poll: return "poll";
        case SelectorKind::select: return "select";
    }
    return {};
}

std::unique_ptr<Selector> Selector::make(SelectorKind kind) {
    switch (kind) {
        case SelectorKind::poll: return std::make_unique<PollSelector>();
        case SelectorKind::select: return std::make_unique<SelectSelector>();
        case SelectorKind::epoll: break;
    }
    return std::make_unique<EpollSelector>();
}

}  // namespace socketserver
