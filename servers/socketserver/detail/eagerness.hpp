#pragma once

/// \file
/// When to try for a request without having waited for one.

#include <algorithm>

namespace socketserver::detail {

/// Decides for each request that has been served whether the next one is tried for at once, or waited for first.
///
/// Where requests queue, a try saves the wait. Where they do not, it is in vain, and costs more than the wait that follows
/// (accept(2) makes a socket before it looks whether there is a connection). So each try in vain has more and more
/// requests pass before the next one, and a try that finds something has all of them tried for again.
///
/// A value. Thread: the one that serves.
class Eagerness {
public:
    /// Whether to try now. To be asked once for each request.
    [[nodiscard]] bool is_due() noexcept {
        if (to_pass_ == 0)
            return true;
        --to_pass_;
        return false;
    }

    /// Tells how a try ended.
    /// \param found whether there was a request
    void tried(bool found) noexcept {
        distance_ = found ? 0 : std::min(2 * distance_ + 1, longest);
        to_pass_ = distance_;
    }

private:
    static constexpr unsigned longest = 31;  // requests: what a try in vain costs is nothing beside these

    unsigned distance_ = 0;  // how many requests pass between two tries
    unsigned to_pass_ = 0;   // how many of them are left
};

}  // namespace socketserver::detail
