#include <socketserver/net/request_registry.hpp>

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace socketserver {

RunningRequest::RunningRequest(RequestRegistry& registry, int fd) : registry_(registry), fd_(fd) {
    registry_.enter(*this);
}

RunningRequest::~RunningRequest() {
    registry_.leave(*this);
}

void RunningRequest::stop() noexcept {
    Phase expected = running;
    if (!phase_.compare_exchange_strong(expected, stopped, std::memory_order_acq_rel))
        return;
    // The phase is set first: a reader sees it, or its recv(2) ends here.
    const int saved = errno;
    ::shutdown(fd_, SHUT_RD);
    errno = saved;
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
    if (!readable_bytes_) {
        int queued = 0;
        readable_bytes_ = ::ioctl(fd_, FIONREAD, &queued) == 0 && queued > 0 ? static_cast<std::size_t>(queued) : 0;
    }
    return *readable_bytes_;
}

void RunningRequest::consumed(std::size_t count) noexcept {
    if (readable_bytes_)
        *readable_bytes_ -= std::min(*readable_bytes_, count);
}

void RequestRegistry::stop_all() noexcept {
    const std::lock_guard lock(mutex_);
    stopping_.store(true, std::memory_order_release);
    for (RunningRequest* request = first_; request != nullptr; request = request->next_)
        request->stop();
}

void RequestRegistry::stop_only_request() noexcept {
    stopping_.store(true, std::memory_order_release);
    if (RunningRequest* const request = first_)
        request->stop();
}

void RequestRegistry::cut_all() noexcept {
    const std::lock_guard lock(mutex_);
    for (RunningRequest* request = first_; request != nullptr; request = request->next_)
        request->cut();
}

void RequestRegistry::reopen() noexcept {
    stopping_.store(false, std::memory_order_release);
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
    if (stopping())
        request.stop();
}

void RequestRegistry::leave(RunningRequest& request) noexcept {
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
