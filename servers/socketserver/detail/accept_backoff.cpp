#include <socketserver/detail/accept_backoff.hpp>

#include <algorithm>
#include <utility>

namespace socketserver::detail {

std::optional<std::uint64_t> AcceptBackoff::failed() noexcept {
    const std::lock_guard lock(mutex_);
    if (pausing())
        return std::nullopt;
    const std::chrono::milliseconds pause = pause_;
    until_ = Deadline::after(pause);
    pause_ = std::min(pause * 2, longest);
    ++unlogged_;
    if (!next_log_.expired())
        return 0;
    next_log_ = Deadline::after(log_interval);
    return std::exchange(unlogged_, 0);
}

}  // namespace socketserver::detail
