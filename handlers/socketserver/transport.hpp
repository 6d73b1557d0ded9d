#pragma once

/// \file
/// The connection of an event-style protocol, as its callbacks see it.

#include <socketserver/net/address.hpp>
#include <socketserver/net/buffered_writer.hpp>

#include <iosfwd>
#include <string_view>

namespace socketserver {

/// What a Protocol writes to and ends its connection by.
///
/// What is written is collected, and leaves when the callback returns, before any wait of the library inside it, and when
/// 16 KiB are pending (BufferedWriter). Between two callbacks it holds no memory.
///
/// Thread: the callbacks of its own protocol, and whatever they call; it is no way to write to
/// somebody else's connection. Life: its protocol's.
class Transport {
public:
    /// \param peer who is at the other end; must outlive this object
    explicit Transport(const Address& peer) noexcept : peer_(peer) {}
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    /// Writes bytes: all of them, waiting for the peer if need be. Once the connection is being closed it does nothing.
    /// \param data what to write
    /// \throw boost::system::system_error if the peer does not take it, with ETIMEDOUT if it does not in time
    /// \throw std::logic_error outside the protocol's callbacks
    void write(std::string_view data) {
        if (!closing())
            writer().write(data);
    }

    /// Writes whatever a BufferedWriter takes: text, characters, numbers, addresses. See write().
    template <class Value>
        requires requires(BufferedWriter& writer, const Value& value) {
            writer << value;
        }
    Transport& operator<<(const Value& value) {
        if (!closing())
            writer() << value;
        return *this;
    }

    /// Applies std::endl or std::flush, see BufferedWriter.
    Transport& operator<<(std::ostream& (*manipulator)(std::ostream&)) {
        if (!closing())
            writer() << manipulator;
        return *this;
    }

    /// Ends the connection when the callback returns: what has been written leaves first; the protocol is called for
    /// no more input, also if some has been received, and its connection_lost() gets no error.
    void lose_connection() noexcept {
        if (state_ == State::open)
            state_ = State::closing;
    }

    /// Ends the connection when the callback returns, without sending what is pending. A TCP peer sees a reset (ECONNRESET), and
    /// connection_lost() gets ECONNABORTED.
    void abort() noexcept { state_ = State::aborted; }

    /// Whether the connection is being closed: no callback but connection_lost() follows.
    [[nodiscard]] bool closing() const noexcept { return state_ != State::open; }

    /// Who is at the other end.
    [[nodiscard]] const Address& peer() const noexcept { return peer_; }

private:
    friend class Protocol;
    enum class State : unsigned char { open, closing, aborted };

    [[nodiscard]] BufferedWriter& writer() const;

    const Address& peer_;
    BufferedWriter* writer_ = nullptr;  // while a callback runs
    State state_ = State::open;
};

}  // namespace socketserver
