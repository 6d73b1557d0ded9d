#pragma once

/// \file
/// Waiting for many descriptors at once: epoll(7), poll(2) or select(2) behind one face.

#include <socketserver/os/deadline.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace socketserver {

/// Which system call waits.
enum class SelectorKind {
    epoll,   ///< epoll(7), edge-triggered: its cost does not grow with the number of descriptors
    poll,    ///< poll(2)
    select,  ///< select(2): descriptors below FD_SETSIZE (1,024) only
};

/// The name as on a command line: `epoll`, `poll`, `select`.
/// \param kind which
[[nodiscard]] std::string_view to_string(SelectorKind kind) noexcept;

/// What to wait for on a descriptor, or what has come.
struct Readiness {
    bool readable = false;  ///< input, a connection, or the end of the stream
    bool writable = false;  ///< room for output
    bool hung_up = false;   ///< the peer has ended its side, or the connection failed: reading tells which
    bool urgent = false;    ///< urgent data has come (tcp(7)): a read may stop before it
};

/// Waits for descriptors. Knows descriptors and tokens, and nothing of who waits.
///
/// Owns: what the kernel remembers; not the descriptors. Thread: one.
class Selector {
public:
    /// What the watcher of a descriptor is known by; chosen by the caller, who sees that a token is not used again
    /// while an event of its former use may be under way.
    using Token = std::uint64_t;

    /// What has come for a descriptor.
    struct Event {
        Token token = 0;      ///< who watches
        Readiness readiness;  ///< what has come
    };

    /// Makes one.
    /// \param kind which
    /// \throw boost::system::system_error if there is no descriptor to be had
    [[nodiscard]] static std::unique_ptr<Selector> make(SelectorKind kind);

    virtual ~Selector() = default;
    Selector(const Selector&) = delete;
    Selector& operator=(const Selector&) = delete;

    /// Who else waits for a descriptor.
    enum class Sharing {
        alone,  ///< nobody
        shared,  ///< other selectors too, for what one of them is enough to see to: a connection to accept. Only input is told of.
        ///< epoll(7) wakes as few of them as it can (EPOLLEXCLUSIVE), the others wake all.
    };

    /// Begins to watch a descriptor; nothing is wanted of it yet.
    /// \param fd the descriptor; not watched already
    /// \param token comes back with its events
    /// \param sharing who else waits for it
    /// \throw boost::system::system_error if it cannot be watched; with EMFILE and a message naming the limit if
    ///   select(2) cannot take so high a descriptor
    virtual void add(int fd, Token token, Sharing sharing) = 0;

    /// As above, when nobody else waits for it.
    /// \param fd the descriptor; not watched already
    /// \param token comes back with its events
    void add(int fd, Token token) { add(fd, token, Sharing::alone); }

    /// Whether it reports each change once, wanted or not, and what has already come when the descriptor is added: then
    /// want() does nothing.
    [[nodiscard]] bool edge_triggered() const noexcept { return edge_triggered_; }

    /// Says what is being waited for. A selector that is not edge-triggered reports what is wanted as long as it is there,
    /// and nothing of a descriptor of which nothing is wanted.
    /// \param fd a watched descriptor
    /// \param wanted readable, writable and urgent count. Urgent data that nobody receives is there for ever.
    virtual void want(int fd, Readiness wanted) noexcept = 0;

    /// Ends watching. To be called before the descriptor is closed.
    /// \param fd a watched descriptor
    virtual void remove(int fd) noexcept = 0;

    /// Waits until something has come.
    /// \param deadline when to give up
    /// \param events where to put it
    /// \return how many events there are; also none, after a signal
    /// \throw boost::system::system_error if waiting fails
    virtual std::size_t wait(Deadline deadline, std::span<Event> events) = 0;

protected:
    /// \param edge_triggered see edge_triggered()
    explicit Selector(bool edge_triggered = false) noexcept : edge_triggered_(edge_triggered) {}

private:
    const bool edge_triggered_;
};

}  // namespace socketserver
