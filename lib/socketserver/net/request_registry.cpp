#include <socketserver/net/request_registry.hpp>

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace socketserver {

namespace {

std::size_t queued(int fd) noexcept {
    const int saved = errno;
    int count = 0;
    const bool known = ::ioctl(fd, FIONREAD, &count) == 0;
    errno = saved;
    return known && count > 0 ? static_cast<std::size_t>(count) : 0;
}

}  // namespace

RunningRequest::RunningRequest(RequestRegistry& registry, int fd) : registry_(registry), fd_(fd) {
    registry_.enter(*this);
}

RunningRequest::~RunningRequest() {
    registry_.leave(*this);
}

void RunningRequest::stop() noexcept {
    Phase expected = running;
    if (stopping())
        return;
    // TCP goes on receiving after shutdown(2): what has come by now is counted.
    const int saved = errno;
    queued_at_stop_.store(queued(fd_), std::memory_order_relaxed);
    // The phase is set before the shutdown: a reader sees it, or its recv(2) ends here.
    if (phase_.compare_exchange_strong(expected, stopped, std::memory_order_acq_rel))
        ::shutdown(fd_, SHUT_RD);
    errno = saved;
}

void RunningRequest::stop_unless_new() noexcept {
    if (received_.load(std::memory_order_relaxed) > 0 || queued(fd_) > 0)
        stop();
}

void RunningRequest::cut() noexcept {
    const int saved = errno;
    phase_.store(was_cut_off, std::memory_order_release);
    ::shutdown(fd_, SHUT_RDWR);
    errno = saved;
}

std::size_t RunningRequest::readable_bytes() noexcept {
    if (!stopping())
        return std::numeric_limits<std::size_t>::max();
    // Less than then if some was read meanwhile, more if some came after it.
    if (!readable_bytes_)
        readable_bytes_ = std::min(queued(fd_), queued_at_stop_.load(std::memory_order_relaxed));
    return *readable_bytes_;
}

/// A stop only ever becomes more.
void RequestRegistry::raise_stop(Stop to) noexcept {
    if (stop_.load(std::memory_order_acquire) < to)
        stop_.store(to, std::memory_order_release);
}

void RequestRegistry::stop_all_but_new() noexcept {
    const std::lock_guard lock(mutex_);
    raise_stop(Stop::all_but_new);
    for (RunningRequest* request = first_; request != nullptr; request = request->next_)
        request->stop_unless_new();
}

void RequestRegistry::stop_all() noexcept {
    const std::lock_guard lock(mutex_);
    raise_stop(Stop::all);
    for (RunningRequest* request = first_; request != nullptr; request = request->next_)
        request->stop();
}

void RequestRegistry::stop_only_request_unless_new() noexcept {
    raise_stop(Stop::all_but_new);
    if (RunningRequest* const request = first_)
        request->stop_unless_new();
}

void RequestRegistry::stop_only_request() noexcept {
    raise_stop(Stop::all);
    if (RunningRequest* const request = first_)
        request->stop();
}

void RequestRegistry::cut_only_request() noexcept {
    cutting_ = true;
    raise_stop(Stop::all);
    if (RunningRequest* const request = first_)
        request->cut();
}

void RequestRegistry::cut_all() noexcept {
    const std::lock_guard lock(mutex_);
    cutting_ = true;
    for (RunningRequest* request = first_; request != nullptr; request = request->next_)
        request->cut();
}

void RequestRegistry::reopen() noexcept {
    const std::lock_guard lock(mutex_);
    cutting_ = false;
    stop_.store(Stop::none, std::memory_order_release);
}

std::size_t RequestRegistry::size() const noexcept {
    const std::lock_guard lock(mutex_);
    return size_;
}

void RequestRegistry::enter(RunningRequest& request) noexcept {
    const std::lock_guard lock(mutex_);
    request.next_ = first_;
    if (request.next_ != nullptr)
        request.next_->previous_ = &request;
    first_ = &request;
    ++size_;
    if (cutting_)
        request.cut();
    else if (stop_.load(std::memory_order_acquire) == Stop::all)
        request.stop();
    else if (stopping())
        request.stop_unless_new();
}

void RequestRegistry::leave(RunningRequest& request) noexcept {
    if (bytes_received_ != nullptr) {
        bytes_received_->fetch_add(request.received_.load(std::memory_order_relaxed), std::memory_order_relaxed);
        bytes_sent_->fetch_add(request.sent_, std::memory_order_relaxed);
    }
    const std::lock_guard lock(mutex_);
    if (request.previous_ != nullptr)
        request.previous_->next_ = request.next_;
    else
        first_ = request.next_;
    if (request.next_ != nullptr)
        request.next_->previous_ = request.previous_;
    --size_;
}

}  // namespace socketserver
