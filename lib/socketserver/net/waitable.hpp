#pragma once

/// \file
/// What is waited for, and how a wait ends.

#include <memory>

namespace socketserver {

class RunningRequest;

/// What a wait waits for.
enum class Interest {
    readable,  ///< input, a connection to accept, or the peer's end
    writable,  ///< room for output, or a connection established
};

/// How a wait ended.
enum class WaitResult {
    ready,      ///< try again: the operation will find something, if only an error
    timed_out,  ///< the deadline came first
    stopped,    ///< the request was asked to end, and nothing more has come in on its connection
    cut,        ///< the request is being ended now: no wait of its context will succeed again
};

/// What an event loop remembers of a descriptor it watches. A loop makes it at the first wait and keeps it in
/// the socket; it is destroyed just before the descriptor is closed, and that ends the watch.
class DescriptorWatch {
public:
    virtual ~DescriptorWatch() = default;
    DescriptorWatch(const DescriptorWatch&) = delete;
    DescriptorWatch& operator=(const DescriptorWatch&) = delete;

    /// Whether a read that found less than it asked for may have left something: so it is once the peer has hung up, or
    /// urgent data has come, at which reads stop short.
    [[nodiscard]] virtual bool short_reads_mislead() const noexcept = 0;

    /// Has the next wait end at once, for a descriptor that is ready although nothing has changed.
    /// \param interest what it is ready for
    virtual void look_again(Interest interest) noexcept = 0;

    /// See Waitable::input_drained(). Whoever takes what the watch tells clears it.
    bool input_drained = false;

protected:
    DescriptorWatch() = default;
};

/// A descriptor as waiters see it.
///
/// Owns: the watch and the entry in the registry, which both end before the descriptor does. Does not own the
/// descriptor: whoever holds the Waitable destroys watch and request first.
struct Waitable {
    Waitable() noexcept;
    /// \param descriptor what to wait on
    explicit Waitable(int descriptor) noexcept;
    Waitable(Waitable&& other) noexcept;
    Waitable& operator=(Waitable&& other) noexcept;
    ~Waitable();

    /// What to wait on, or -1.
    int fd = -1;
    /// A read has found all that had come before there was a watch.
    bool drained_before_watch = false;
    /// Waited for in several threads at once, each of which may have an event loop: a loop keeps what it must remember of it to
    /// itself, and neither watch nor input_drained() is ever set. Set before the others begin; a server's socket is shared.
    bool shared = false;
    /// Made by a waiter that keeps state for each descriptor.
    std::unique_ptr<DescriptorWatch> watch;
    /// Its output has been ended here (shutdown(2)): that it has hung up says nothing of the peer then.
    bool output_ended = false;
    /// Set if this is the connection of a request that a server is serving.
    std::unique_ptr<RunningRequest> request;

    /// Whether a read has found all that had come, and nobody has been told of anything that came since: only then may
    /// another one wait before it tries, for it will be told itself.
    [[nodiscard]] bool& input_drained() noexcept {
        if (watch != nullptr)
            return watch->input_drained;
        return drained_before_watch;
    }
};

}  // namespace socketserver
