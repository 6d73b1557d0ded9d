#include <socketserver/detail/accept_backoff.hpp>

#include <algorithm>
#include <cstddef>

namespace socketserver::detail {

std::optional<std::uint64_t> AcceptBackoff::failed(Cause cause) noexcept {
    const std::lock_guard lock(mutex_);
    if (pausing())
        return std::nullopt;
    const std::chrono::milliseconds pause = pause_;
    until_ = Deadline::after(pause);
    pause_ = std::min(pause * 2, longest);
    return logs_[static_cast<std::size_t>(cause)].happened();
}

}  // namespace socketserver::detail
