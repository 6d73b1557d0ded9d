#pragma once

/// \file
/// A socket as a std::iostream.

#include <socketserver/net/byte_stream.hpp>

#include <array>
#include <istream>
#include <streambuf>

namespace socketserver {

/// The stream buffer of SocketStream.
///
/// Borrows the stream. Thread: the context that uses the socket. Lives shorter than the socket.
/// Like the standard's own buffers it throws what goes wrong, and the stream around it turns that into badbit,
/// or passes it on if asked by `exceptions(std::ios::badbit)`.
class SocketStreamBuf final : public std::streambuf {
public:
    /// \param stream what to read and write; must outlive this object
    explicit SocketStreamBuf(ByteStream& stream);
    SocketStreamBuf(const SocketStreamBuf&) = delete;
    SocketStreamBuf& operator=(const SocketStreamBuf&) = delete;
    /// Sends what is pending; an error is lost: call flush() to see it.
    ~SocketStreamBuf() override;

private:
    int_type underflow() override;
    int_type overflow(int_type character) override;
    int sync() override;
    void send_pending();

    static constexpr std::size_t buffer_size = 8192;
    ByteStream& stream_;
    std::array<char, buffer_size> input_;
    std::array<char, buffer_size> output_;
};

/// A std::iostream over a connection; std::cin and std::cout for a socket. Reading sends first what has been written.
///
/// Borrows the connection, and must not outlive it. Thread: the context that uses the socket.
class SocketStream final : public std::iostream {
public:
    /// \param stream what to read and write; must outlive this object
    explicit SocketStream(ByteStream& stream) : std::iostream(nullptr), buffer_(stream) { rdbuf(&buffer_); }

private:
    SocketStreamBuf buffer_;
};

}  // namespace socketserver
