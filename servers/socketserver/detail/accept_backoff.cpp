#include <socketserver/detail/accept_backoff.hpp>

#include <algorithm>
#include <utility>

namespace socketserver::detail {

std::uint64_t AcceptBackoff::failed() noexcept {
    until_ = Deadline::after(pause_);
    pause_ = std::min(pause_ * 2, longest);
    ++unlogged_;
    if (!next_log_.expired())
        return 0;
    next_log_ = Deadline::after(log_interval);
    return std::exchange(unlogged_, 0);
}

}  // namespace socketserver::detail
