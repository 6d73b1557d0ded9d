#pragma once

/// \file
/// The owner of a descriptor.

#include <utility>

namespace socketserver {

/// Owns one file descriptor and closes it when it is destroyed.
///
/// Owns: the descriptor. Thread: any, one at a time. Movable, not copyable.
class UniqueFd {
public:
    /// Owns nothing.
    UniqueFd() noexcept = default;

    /// Takes over a descriptor.
    /// \param fd an open descriptor, or -1 for none
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}

    /// Takes over what \p other owned; \p other then owns nothing.
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}

    /// Closes what it owned and takes over what \p other owned.
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other)
            reset(other.release());
        return *this;
    }

    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;

    ~UniqueFd() { reset(); }

    /// The descriptor, or -1.
    [[nodiscard]] int get() const noexcept { return fd_; }

    /// Whether a descriptor is owned.
    explicit operator bool() const noexcept { return fd_ >= 0; }

    /// Gives the descriptor up without closing it.
    /// \return the descriptor, or -1
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

    /// Closes the descriptor (close(2); its result is of no use, the descriptor is gone either way) and
    /// takes over another. `errno` is left as it was.
    /// \param fd an open descriptor, or -1 for none
    void reset(int fd = -1) noexcept;

private:
    int fd_ = -1;
};

namespace detail {
/// Exchanges a descriptor for one from 3 up.
UniqueFd move_above_standard_streams(UniqueFd low) noexcept;
}  // namespace detail

/// Takes over a descriptor that a system call has just made. Every descriptor that the library makes is born here, and none has a
/// number below 3, even in a process that began with its standard streams closed: else what somebody prints would go to
/// a connection, and what a peer says would be read as typed.
/// \param made what the call returned: a descriptor that execve(2) closes, or -1
/// \return its owner; of nothing, and `errno` says why, if the call has failed or no other number was to be had
/// Costs a comparison, unless there are standard streams closed. Thread: any.
[[nodiscard]] inline UniqueFd own_descriptor(int made) noexcept {
    constexpr int first_free = 3;
    UniqueFd owner{made};
    return made < 0 || made >= first_free ? std::move(owner) : detail::move_above_standard_streams(std::move(owner));
}

}  // namespace socketserver
